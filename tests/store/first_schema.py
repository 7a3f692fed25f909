"""A store of schema 0001, as version 0.1 wrote it: rows of every kind, made by its own code.

``python -m tests.store.first_schema URL N`` migrates the store there, and is killed before statement N.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import signal
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Boolean, MetaData, event, insert

from jupyter_totp_auth.store import schema
from jupyter_totp_auth.store.database import Database
from jupyter_totp_auth.store.files import make_private_file

DUMP: dict[str, Any] = json.loads(Path(__file__).with_name("schema_0001.json").read_text())
"""Its rows, its keyring, and what its people have: passwords, phones, codes, cookies."""


def make(url: str, keyring: Path) -> None:
    """The store at ``url``, and its keyring."""
    keyring.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keyring.write_text(json.dumps(DUMP["keyring"]))
    keyring.chmod(0o600)
    database = Database(url)
    if database.path is not None:
        make_private_file(database.path)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with database.write() as connection:
        found = MetaData()
        found.reflect(connection)
        for table in found.sorted_tables:
            rows = [
                {name: _value(value, table.c[name].type) for name, value in row.items()}
                for row in DUMP["tables"][table.name]
            ]
            if table.name == "event":
                for row in rows:
                    del row["id"]
            if table.name != "alembic_version":
                connection.execute(insert(table), rows)
    database.close()


def _value(value: Any, kind: object) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return bool(value) if isinstance(kind, Boolean) else value


def migrate_until_killed(url: str, number: int) -> None:
    """Bring a store up to date in this process, which is killed before the statement of that number."""
    database, count = Database(url), itertools.count(1)

    def fall(*_: object) -> None:
        if next(count) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", fall)
    event.listen(database.engine, "commit", fall)
    schema.bring_up_to_date(database)
    database.close()
