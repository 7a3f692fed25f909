"""Figures of this machine, not tests: each program prints its own."""

import signal
import sys

if sys.argv[0] == "-m":  # what Python has there while it looks for a program; not where tests import one
    # Who stops a run by `kill` or `timeout` stops its servers too: they are left as at an error.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
