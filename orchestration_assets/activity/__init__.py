"""What happened elsewhere, as rows: the newest state of every pull request, issue, review and their kin, taken from the inbox."""
