"""Whose login it is: ours, or no start, where something of ours is broken, taken away or mistyped."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.harness.lean import OURS, STANDS_DOWN, assert_ours, assert_refuses, lean, start_stock
from tests.harness.server import JupyterServer

PACKAGE = Path(__file__).parents[2] / "jupyter_totp_auth"
OTHER = "c.ServerApp.identity_provider_class = 'aaa_taker.Taker'\n"
WITHOUT_EXTENSION = "--ServerApp.jpserver_extensions=jupyter_totp_auth=False"


# ── something of ours is broken ──────────────────────────────────────────────────────────────────


def broken_copy(home: Path, file: str, change: Callable[[str], str]) -> dict[str, str]:
    """A copy of the package with one file changed, first on the path of the server."""
    copy = home / "shadow" / "jupyter_totp_auth"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / file).write_text(change((copy / file).read_text()))
    # No bytecode: the canary's scan knows our source, not what is made of it.
    return {"PYTHONPATH": str(home / "shadow"), "PYTHONDONTWRITEBYTECODE": "1"}


BREAKS = {
    "a syntax error": lambda text: f"{text}\ndef broken(:\n",
    "a missing module": lambda text: (
        f"import no_such_module\n{text.replace('from __future__ import annotations', '')}"
    ),
    "an exception": lambda text: f"{text}\nraise RuntimeError('broken')\n",
}


@pytest.mark.parametrize(
    ("file", "how"),
    [
        ("core/login.py", "a syntax error"),
        ("store/tables.py", "a missing module"),
        ("web/gate.py", "an exception"),
        ("extension.py", "a syntax error"),
    ],
)
def test_an_error_at_import_below_the_front_door_ends_the_start(tmp_path: Path, file: str, how: str) -> None:
    environment = broken_copy(tmp_path, file, BREAKS[how])
    assert_refuses(
        lean(tmp_path, environment=environment),
        "jupyter_totp_auth failed (",
        "Jupyter will not start without its two-factor login",
    )


@pytest.mark.parametrize("hook", ["link", "load"])
@pytest.mark.parametrize(
    "error", ["RuntimeError", "KeyError", "ImportError", "AttributeError", "AssertionError"]
)
def test_an_exception_in_a_hook_ends_the_start(tmp_path: Path, hook: str, error: str) -> None:
    def broken(text: str) -> str:
        return f"{text}\n\ndef {hook}(serverapp):\n    raise {error}('it broke')\n"

    environment = broken_copy(tmp_path, "extension.py", broken)
    assert_refuses(lean(tmp_path, environment=environment), f"jupyter_totp_auth failed ({error}:", "it broke")


@pytest.mark.parametrize(
    ("file", "anchor"),
    [
        ("web/identity.py", "    def _build(self) -> None:\n"),
        (
            "web/identity.py",
            "    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:\n",
        ),
        ("web/identity.py", "    def get_handlers(self) -> list[Any]:\n"),
        ("web/door.py", "    def put(self, gate: Gate) -> None:\n"),
    ],
)
def test_an_exception_while_the_login_is_put_up_ends_the_start(
    tmp_path: Path, file: str, anchor: str
) -> None:
    def broken(text: str) -> str:
        assert anchor in text
        return text.replace(anchor, f"{anchor}        raise RuntimeError('it broke')\n")

    server = lean(tmp_path, environment=broken_copy(tmp_path, file, broken))
    assert server.run_to_the_end() != 0
    assert "it broke" in server.log


@pytest.mark.parametrize("how", list(BREAKS))
def test_a_provider_that_is_named_but_does_not_import_ends_the_start_without_the_extension_too(
    tmp_path: Path, how: str
) -> None:
    environment = broken_copy(tmp_path, "web/gate.py", BREAKS[how])
    server = lean(tmp_path, environment=environment, config=OURS, arguments=[WITHOUT_EXTENSION])
    assert_refuses(server, "identity_provider_class")


# ── somebody else in our place ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("taker", ["aaa_taker", "zzz_taker"])
def test_another_extension_that_takes_the_place_of_the_login_ends_the_start(
    tmp_path: Path, taker: str
) -> None:
    assert_refuses(
        lean(tmp_path, extensions=[taker]),
        "Another extension has put Taker in the place of the login.",
        "Not starting without a second factor.",
    )


def test_another_extension_that_takes_the_gate_away_ends_the_start(tmp_path: Path) -> None:
    assert_refuses(
        lean(tmp_path, extensions=["zzz_ungater"]), "Something has taken the two-factor login's gate away."
    )


def test_another_extension_that_takes_the_place_of_the_login_ends_the_start_where_ours_is_named(
    tmp_path: Path,
) -> None:
    assert_refuses(
        lean(tmp_path, extensions=["zzz_taker"], config=OURS),
        "Another extension has put Taker in the place of the login.",
    )


@pytest.mark.parametrize(
    "options",
    [
        {"config": OTHER},
        {"arguments": ["--ServerApp.identity_provider_class=aaa_taker.Taker"]},
        {"config": OTHER.replace("aaa_taker.Taker", "jupyter_server.auth.identity.PasswordIdentityProvider")},
    ],
    ids=["in the file", "on the command line", "Jupyter's own"],
)
def test_another_provider_that_was_configured_is_stood_down_for_loudly(
    tmp_path: Path, options: dict[str, object]
) -> None:
    server = lean(tmp_path, **options)
    page = start_stock(server)
    assert "Token authentication is enabled" in page
    critical = [line for line in server.log.splitlines() if line.startswith("[C ") and "totp" in line]
    assert len(critical) >= 1
    assert all(STANDS_DOWN in line and "NO SECOND FACTOR IS ASKED" in line for line in critical)


def test_a_provider_configured_for_the_lab_is_stood_down_for_loudly(tmp_path: Path) -> None:
    server = lean(tmp_path, app="lab")
    server.arguments = [argument for argument in server.arguments if "jupyterlab" not in argument]
    (tmp_path / "config" / "jupyter_lab_config.py").write_text(OTHER)
    page = start_stock(server)
    assert "Token authentication is enabled" in page
    assert STANDS_DOWN in server.log


@pytest.mark.parametrize("where", ["option", "environment", "lab"])
def test_where_ours_is_required_another_provider_ends_the_start(tmp_path: Path, where: str) -> None:
    required = {} if where == "option" else {"JUPYTER_TOTP_REQUIRED": "1"}
    arguments = ["--TotpAuth.required=True"] if where == "option" else []
    config = "" if where == "lab" else OTHER
    server = lean(tmp_path, config=config, arguments=arguments, environment=required)
    if where == "lab":
        server.app = "lab"
        server.arguments = [argument for argument in server.arguments if "jupyterlab" not in argument]
        (tmp_path / "config" / "jupyter_lab_config.py").write_text(OTHER)
    assert_refuses(server, "The configuration names", "but TotpAuth is required.")


# ── configuration files ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jupyter_server_config.py", "c.TotpAuth.required = (\n"),
        ("jupyter_server_config.py", "c.TotpAuth.required = Tru\n"),
        ("jupyter_server_config.py", "c.TotpAuth.required = True\nraise ValueError('x')\n"),
        ("jupyter_server_config.json", '{"TotpAuth": {"required": true},}'),
        ("jupyter_server_config.json", "not json"),
        ("jupyter_config.py", "c.TotpAuth.required = Tru\n"),
    ],
)
def test_a_configuration_file_with_an_error_ends_the_start(tmp_path: Path, name: str, text: str) -> None:
    server = lean(tmp_path)
    (tmp_path / "config" / name).write_text(text)
    assert_refuses(server, str(tmp_path / "config" / name), "has an error and was not read. Mend it.")


@pytest.mark.parametrize(
    ("app", "name"), [("lab", "jupyter_lab_config.py"), ("notebook", "jupyter_notebook_config.py")]
)
def test_a_configuration_file_of_the_front_end_with_an_error_ends_the_start(
    tmp_path: Path, app: str, name: str
) -> None:
    server = JupyterServer(tmp_path, app=app)
    (tmp_path / "config" / name).write_text("c.ServerApp.allow_root = Tru\n")
    assert server.run_to_the_end() != 0
    assert f"{name} has an error and was not read. Mend it." in server.log


def test_a_file_named_with_config_that_has_an_error_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("c.TotpAuth.required = Tru\n")
    server = lean(tmp_path, arguments=[f"--config={file}"])
    assert server.run_to_the_end() != 0


def test_empty_configuration_files_are_fine(tmp_path: Path) -> None:
    server = lean(tmp_path)
    for name, text in (
        ("jupyter_server_config.py", ""),
        ("jupyter_config.py", "# c.ServerApp.port = 1\n\n"),
        ("jupyter_server_config.json", "{}"),
        ("jupyter_lab_config.py", "# nothing\n"),
        ("jupyter_notebook_config.py", ""),
        ("nbconfig.json", "not read by anybody"),
    ):
        (tmp_path / "config" / name).write_text(text)
    with server:
        assert_ours(server)


def test_a_configuration_file_is_read(tmp_path: Path) -> None:
    with lean(tmp_path, config="c.TotpAuth.site_name = 'Observatory'\n") as server:
        assert "Observatory" in requests.get(f"{server.url}login", timeout=20).text


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("TotpAuth.login_lifetime=59", "login_lifetime: between one minute and thirty days"),
        ("TotpAuth.trusted_proxies=everybody", "trusted_proxies: 'everybody' is neither a network"),
        ("TotpAuth.allowed_hosts=https://jupyter.example/", "allowed_hosts: 'https://jupyter.example/'"),
        ("TotpAuth.logo_file=/no/such/logo.png", "TotpAuth.logo_file: /no/such/logo.png cannot be read"),
    ],
)
def test_an_option_with_an_impossible_value_ends_the_start(tmp_path: Path, option: str, named: str) -> None:
    name, _, value = option.partition("=")
    lists = ("trusted_proxies", "allowed_hosts", "public_routes")
    literal = [value] if name.endswith(lists) else int(value) if value.isdigit() else value
    assert_refuses(lean(tmp_path, config=f"c.{name} = {literal!r}\n"), named)
