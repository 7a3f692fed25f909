"""Tables copied from the standards, so that no test computes its own expectation."""
