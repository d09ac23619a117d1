"""The kinds of calendar report. Apart from the other models, because partitions and jobs name them when they are imported."""

from enum import StrEnum


class ReportKind(StrEnum):
    """The three calendar reports; the value is also the name of the asset and of the kind of document."""

    STANDUP = "standup"
    STATUS_REPORT = "status_report"
    SUMMARY = "summary"
