"""What every test folder shares: real services by fixture, and no setting of the developer's own."""

from __future__ import annotations

import os

pytest_plugins = ["tests.services.fixtures"]

# A token, a config folder or a hub of the person who runs the tests must not reach what is tested.
for _name in [name for name in os.environ if name.startswith(("JUPYTER", "CREDENTIALS_DIRECTORY"))]:
    del os.environ[_name]
