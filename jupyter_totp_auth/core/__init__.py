"""What may happen, in order: the login itself, free of tornado, traitlets, Jupyter and SQLAlchemy."""
