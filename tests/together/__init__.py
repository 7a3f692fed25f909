"""People who work on one document, with jupyter-collaboration."""
