"""What a person reads: standups, status reports, summaries and the resume, every sentence with its evidence."""
