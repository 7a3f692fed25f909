"""First factors: the bundled blocklist."""
