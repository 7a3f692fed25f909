"""The command line: `main` in this process where that will do, real processes and terminals where not."""
