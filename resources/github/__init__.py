"""GitHub: what it says of a repository, by webhook or when it is asked.

What belongs here: GitHub's own shapes, brought to ours, and the client. What is made of it is not known here.
"""
