"""core/ file for file, with no I/O: the store is in memory, the clock is moved by hand."""
