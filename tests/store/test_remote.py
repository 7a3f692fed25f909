"""A database server on another machine is reached by TLS that checks it, or not at all (M17)."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_totp_auth.store import StoreRefused, open_store
from jupyter_totp_auth.store.database import Database
from jupyter_totp_auth.store.opening import Places, open_database

CA = "/etc/ssl/certs/ca-certificates.crt"
PASSWORD = "hunter2-of-the-database"

SAFE = [
    f"postgresql://u:{PASSWORD}@db.example.org/x?sslmode=verify-full&sslrootcert={CA}",
    f"postgresql://u:{PASSWORD}@db.example.org/x?sslmode=verify-full&sslrootcert=system",
    f"mariadb://u:{PASSWORD}@db.example.org/x?ssl_ca={CA}",
    f"mariadb://u:{PASSWORD}@192.0.2.7/x?ssl_capath=/etc/ssl/certs&ssl_check_hostname=true",
]
HERE = [
    f"postgresql://u:{PASSWORD}@localhost/x",
    f"postgresql://u:{PASSWORD}@127.0.0.1:5433/x",
    f"postgresql://u:{PASSWORD}@[::1]/x",
    f"postgresql://u:{PASSWORD}@/x",
    f"postgresql://u:{PASSWORD}@/x?host=/run/postgresql",
    f"mariadb://u:{PASSWORD}@localhost/x",
    f"mariadb://u:{PASSWORD}@127.0.0.2/x",
    f"mariadb://u:{PASSWORD}@/x?unix_socket=/run/mysqld/mysqld.sock",
]
UNSAFE = [
    f"postgresql://u:{PASSWORD}@db.example.org/x",
    f"postgresql://u:{PASSWORD}@db.example.org/x?sslmode=require",
    f"postgresql://u:{PASSWORD}@db.example.org/x?sslmode=verify-ca&sslrootcert={CA}",
    f"postgresql://u:{PASSWORD}@192.0.2.7/x?sslmode=prefer",
    f"postgresql://u:{PASSWORD}@/x?host=db.example.org",
    f"postgresql://u:{PASSWORD}@/x?host=localhost&host=db.example.org",
    f"postgresql://u:{PASSWORD}@/x?host=localhost:5432,db.example.org:5432",
    f"postgresql://u:{PASSWORD}@localhost/x?hostaddr=192.0.2.7",
    f"postgresql://u:{PASSWORD}@/x?service=elsewhere",
    f"mariadb://u:{PASSWORD}@db.example.org/x",
    f"mariadb://u:{PASSWORD}@db.example.org/x?ssl_cert=/c&ssl_key=/k",
    f"mariadb://u:{PASSWORD}@db.example.org/x?ssl_ca={CA}&ssl_check_hostname=false",
    f"mariadb://u:{PASSWORD}@db.example.org/x?ssl_ca={CA}&ssl_disabled=true",
    f"mariadb://u:{PASSWORD}@db.example.org/x?ssl_ca={CA}&ssl_verify_cert=false",
]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("url", [*SAFE, *HERE])
def test_a_database_here_or_behind_tls_that_checks_it_is_opened(url: str, tmp_path: Path) -> None:
    open_database(Places(url, tmp_path / "keyring")).close()


@pytest.mark.parametrize("url", UNSAFE)
def test_any_other_is_refused_unless_allowed(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused) as caught:
        open_store(Places(url, tmp_path / "keyring"), at=1)
    message = str(caught.value)
    assert "allow_plain_database" in message
    assert PASSWORD not in message
    assert "db.example.org" not in message
    open_database(Places(url, tmp_path / "keyring", allow_plain_database=True)).close()


def test_the_drivers_own_variables_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(f"postgresql://u:{PASSWORD}@/x", tmp_path / "keyring")
    monkeypatch.setenv("PGHOST", "db.example.org")
    with pytest.raises(StoreRefused):
        open_database(places)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    open_database(places).close()


@pytest.mark.parametrize("url", [*SAFE, f"postgresql://u@localhost/x?password={PASSWORD}"])
def test_the_password_is_never_shown(url: str) -> None:
    database = Database(url)
    assert PASSWORD not in database.place
    database.close()
