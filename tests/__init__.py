"""The tests: core/ mirrors the package, everything else drives real parts."""
