"""First on the path of test servers, so that they start in half the time."""
