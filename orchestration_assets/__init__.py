"""What the platform makes: one folder a domain, and the one Definitions that joins them."""
