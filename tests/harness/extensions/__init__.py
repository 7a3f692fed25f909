"""Jupyter server extensions as careless, or as hostile, as those of others. Put on a server's PYTHONPATH."""
