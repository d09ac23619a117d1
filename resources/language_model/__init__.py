"""Agents and how they are run: against an OpenAI-compatible endpoint, or extractively with no model at all."""
