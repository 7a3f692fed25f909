"""Figures of this machine, not tests: each program prints its own."""
