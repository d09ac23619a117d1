"""Reviews of pull requests: what can be computed of a change, what a model finds in it, and the documents and comments of both."""
