"""What asking GitHub and asking Sentry have in common: tries within a given time, limits, kinds of failures, and looks that take turns."""
