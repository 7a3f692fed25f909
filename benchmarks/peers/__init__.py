"""Others that people log in to, installed for real into ``.bench/`` and measured beside us."""
