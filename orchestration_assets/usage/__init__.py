"""What the language model was asked for, and what that took."""
