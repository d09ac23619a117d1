"""Takes orders that come by mail."""
