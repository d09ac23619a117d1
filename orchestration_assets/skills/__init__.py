"""Which technologies and practices the entries show, each with its evidence."""
