"""Switches features on for a part of the people."""
