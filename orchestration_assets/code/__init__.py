"""What code is made of: what imports what, and in which order things that depend on each other come."""
