"""Sentry: what it says of issues and of the errors behind them, by webhook or when it is asked.

What belongs here: Sentry's own shapes, brought to ours, the client and the poller. What is made of an issue is not known here. Our own
errors are reported in `resources/sentry.py`.
"""
