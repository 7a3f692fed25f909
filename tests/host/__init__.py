"""Inside the host: how Jupyter starts with us in it, and that its own tests still hold."""
