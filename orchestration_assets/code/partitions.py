"""The partitions of this domain: a project, which is what a person builds, or builds again."""

import dagster as dg

PROJECTS = dg.DynamicPartitionsDefinition(name="projects")
"""Added by whoever has a specification built: the command line, or a person in the UI."""
