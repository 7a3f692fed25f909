"""What the end of the run looks through, of things that would be gone by then: logs, and what databases held.

Only where `tools/run_tests.py` named a place (see tests/harness/canary.py); else nothing is kept.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

PLACE = os.environ.get("TOTP_TEST_CANARIES", "")
"""The folder of one run. Empty: nobody will look."""

_numbers = count(1)


def keep_logs(folder: Path) -> None:
    """Leave a copy of the logs of a service that is about to be removed."""
    if PLACE:
        for log in folder.glob("*.log"):
            shutil.copyfile(log, _new_file(f"{folder.name}-{log.name}"))


def keep_rows(url: str) -> None:
    """Leave every value of a database that is about to be removed."""
    if not PLACE:
        return
    import sqlalchemy  # only here: parts.py, which this folder has too, must do without

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    # Where it does not answer there is nothing to keep, and removing it says so itself.
    with suppress(sqlalchemy.exc.OperationalError), engine.connect() as connection:
        wait = (
            "SET lock_timeout = 5000" if engine.dialect.name == "postgresql" else "SET lock_wait_timeout = 5"
        )
        connection.exec_driver_sql(wait)
        words = [_plain(url)]
        for table in sqlalchemy.inspect(connection).get_table_names():
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
                words += [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row]
        _new_file("rows").write_bytes(b"\n".join(words))


def _plain(url: str) -> bytes:
    return url.rpartition("@")[2].encode()


def _new_file(name: str) -> Path:
    folder = Path(PLACE, "kept")
    folder.mkdir(exist_ok=True)
    return folder / f"{os.getpid()}-{next(_numbers)}-{name}"
