"""What is carried into the sandbox to run tests there: two files of the standard library and pytest alone.

What belongs here: `supervisor.py`, the process that tells the host what happened, and `child.py`, the process in which the tests run. Nothing of
the platform can be imported there.
"""
