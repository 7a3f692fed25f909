"""``jupyter totp config``: prints a file, or puts it in its place."""

from __future__ import annotations

import io
import sys

import pytest

from jupyter_totp_auth.cli import config
from jupyter_totp_auth.hosting import KINDS, Deployment, Tls, Upstream, network, render
from tests.cli.desk import Desk

NAME = ("--domain", "jupyter.example.org")


def test_the_choices_are_those_that_there_are() -> None:
    # Written twice: the help must not wait for the templates' imports.
    assert (tuple(KINDS), tuple(tls.value for tls in Tls)) == (config._KINDS, config._TLS)


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_file_is_printed_from_the_options(desk: Desk, kind: str) -> None:
    words = ["--base-url", "jupyterlab", "--upstream", "unix:/run/jupyter/j.sock", "--tls", "acme"]
    words += ["--behind", "10.0.0.0/8", "fd00::1", "--behind", "10.0.0.0/8", "--venv", "/opt/jupyter"]
    expected = Deployment(
        "jupyter.example.org",
        base_url="/jupyterlab/",
        upstream=Upstream(socket="/run/jupyter/j.sock"),
        tls=Tls.ACME,
        behind=(network("10.0.0.0/8"), network("fd00::1/128")),
    )
    assert desk.do("config", kind, *NAME, *words).out == render(KINDS[kind], expected)
    assert not desk.database.exists()


def test_further_options(desk: Desk) -> None:
    words = ["--certificate", "/a.pem", "--key", "/a.key", "--listen", "127.0.0.1", "--https-port", "8443"]
    words += ["--http-port", "8080", "--apache-wstunnel"]
    expected = Deployment(
        "jupyter.example.org",
        certificate="/a.pem",
        key="/a.key",
        listen="127.0.0.1",
        https_port=8443,
        http_port=8080,
    )
    assert desk.do("config", "apache", *NAME, *words).out == render(KINDS["apache"], expected, wstunnel=True)


def test_the_path_is_the_servers_unless_it_is_given(desk: Desk) -> None:
    desk.configure("c.ServerApp.base_url = '/lab/'")
    assert "location /lab/ {" in desk.do("config", "nginx", *NAME).out
    assert "location / {" in desk.do("config", "nginx", *NAME, "--base-url", "/").out


def test_the_service_starts_what_this_command_is_installed_with(desk: Desk) -> None:
    assert (
        f"ExecStart={sys.prefix}/bin/jupyter lab --TotpAuth.drain_seconds=20\n"
        in desk.do("config", "systemd", *NAME).out
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nginx",), "--domain"),
        (("lighttpd", *NAME), "invalid choice"),
        (("nginx", "--domain", "https://x"), "no host name"),
        (("nginx", *NAME, "--base-url", "/a b/"), "no path"),
        (("nginx", *NAME, "--upstream", "8888"), "HOST:PORT or unix:/PATH"),
        (("nginx", *NAME, "--tls", "maybe"), "invalid choice"),
        (("nginx", *NAME, "--behind", "0.0.0.0/0"), "everybody"),
        (("jupyter", *NAME, "--upstream", "192.0.2.1:8888"), "--behind"),
        (("nginx", *NAME, "--apache-wstunnel"), "for Apache"),
        (("nginx", *NAME, "--to", "x"), "--to goes with --write"),
        (("nginx", *NAME, "--https-port", "x"), "invalid int"),
    ],
)
def test_what_cannot_be_is_wrong_usage(desk: Desk, words: tuple[str, ...], said: str) -> None:
    result = desk.run("config", *words)
    assert (result.status, result.out) == (2, "")
    assert said in result.err


def test_written_it_is_shown_kept_and_the_next_step_is_told(desk: Desk) -> None:
    path = desk.home / "etc" / "jupyter.conf"
    first = desk.run("config", "nginx", *NAME, "--write", "--to", str(path))
    text = path.read_text()
    assert (first.status, text) == (0, desk.do("config", "nginx", *NAME).out)
    assert first.out.startswith(f"--- /dev/null\n+++ {path}\n")
    assert "nginx -t && systemctl reload nginx" in first.err

    again = desk.do("config", "nginx", *NAME, "--write", "--to", str(path))
    assert again.out == f"{path} is as it should be.\n"

    path.write_text(f"# mine\n{text}")
    third = desk.run("config", "nginx", *NAME, "--write", "--to", str(path))
    assert third.status == 0
    assert "\n-# mine\n" in third.out
    assert "jupyter.conf.~1~" in third.err
    assert path.with_name("jupyter.conf.~1~").read_text() == f"# mine\n{text}"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "status"), [(b"n\n", 1), (b"y\n", 0)])
def test_whoever_sits_there_may_say_no(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: bytes, status: int
) -> None:
    path = desk.home / "jupyter.conf"
    monkeypatch.setattr("tests.cli.desk.io.TextIOWrapper", Terminal)
    result = desk.run("config", "nginx", *NAME, "--write", "--to", str(path), stdin=answer)
    assert (result.status, path.exists()) == (status, status == 0)


def test_with_yes_nobody_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.home / "jupyter.conf"
    monkeypatch.setattr("tests.cli.desk.io.TextIOWrapper", Terminal)
    assert desk.run("config", "nginx", *NAME, "--write", "--yes", "--to", str(path)).status == 0
    assert path.exists()


def test_a_place_that_may_not_be_written_is_refused(desk: Desk) -> None:
    (desk.home / "file").write_text("")
    result = desk.run("config", "nginx", *NAME, "--write", "--to", str(desk.home / "file" / "x.conf"))
    assert result.status == 1
    assert "Not a directory" in result.err
