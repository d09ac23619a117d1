"""What notices the world: sensors that ask for runs and make nothing themselves."""
