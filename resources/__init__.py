"""What the platform connects to: one file or folder a connection. Nothing here knows what is made with it."""
