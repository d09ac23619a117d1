"""Menus as the kitchen keeps them, for the printed card."""
