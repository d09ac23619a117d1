"""The partitions of this domain: a project, which is what a person builds, or builds again."""

import dagster as dg

PROJECTS = dg.DynamicPartitionsDefinition(name="projects")
"""Added by whatever has a specification built: the command line, the sensor of labelled issues, or a person in the UI."""
