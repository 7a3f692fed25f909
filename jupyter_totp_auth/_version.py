"""The version, alone in its file: hatch reads it at build time without importing the package."""

__version__ = "0.1.0"
