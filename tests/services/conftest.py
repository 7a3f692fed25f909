"""The fixtures under test."""

from tests.services.fixtures import *  # noqa: F403 - exactly what fixtures.py lists in __all__
