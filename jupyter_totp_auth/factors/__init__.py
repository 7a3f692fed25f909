"""First factors: where a name and a password are checked."""
