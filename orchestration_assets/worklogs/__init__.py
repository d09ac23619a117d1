"""What somebody did: entries read from git histories and notes, and the analysis of each."""
