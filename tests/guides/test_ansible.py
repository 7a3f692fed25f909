"""The Ansible role: it makes what the guide makes, and changes nothing the second time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_totp_auth.hosting import KINDS, Deployment, render
from tests.guides.machine import Machine
from tests.guides.paper import DOCS, ROOT, blocks
from tests.guides.person import Visitor, enrolled, works
from tests.guides.playing import ANSIBLE, changed, play

ROLE = ANSIBLE / "roles" / "jupyter_totp_auth"
NAME = "jupyter.example.org"
DEPLOYMENT = Deployment(NAME)


def settings(file: str) -> dict[str, Any]:
    """Variables of the role."""
    return dict(yaml.safe_load((ROLE / file).read_text(encoding="utf-8")))


def a_new_machine(a_machine: Callable[..., Machine]) -> Machine:
    """One with a certificate, and nothing else."""
    machine = a_machine(NAME)
    machine.run(f"make-certificate {NAME} {DEPLOYMENT.certificate_file} {DEPLOYMENT.key_file}")
    return machine


def insist_on_files(machine: Machine) -> None:
    """What the guide's commands would have made."""
    for kind in ("jupyter", "systemd", "nginx"):
        made = machine.file(KINDS[kind].place(DEPLOYMENT)).read_text()
        assert made == render(KINDS[kind], DEPLOYMENT), kind
    assert machine.file("/usr/local/sbin/jupyter-totp").read_text() == operators_command()
    keyring = machine.file("/etc/jupyter/jupyter-totp-keyring").stat()
    assert (keyring.st_uid, oct(keyring.st_mode)[-3:]) == (0, "600")
    assert not machine.file("/srv/jupyter/.local/share/jupyter/totp-key/keyring").exists()


def operators_command(guide: Path = DOCS / "tutorial" / "fresh-debian.md") -> str:
    """The file that a guide makes for the operator."""
    (block,) = (block.text for block in blocks(guide) if "tee /usr/local/sbin/jupyter-totp" in block.text)
    return block.partition("<<'END'\n")[2].partition("END\n")[0]


def test_both_guides_make_the_same_command_for_the_operator() -> None:
    assert operators_command() == operators_command(DOCS / "how-to" / "as-a-service.md")


def test_every_variable_is_told_with_its_default() -> None:
    table = (ANSIBLE / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(jupyter_totp_\w+)`", "\n".join(re.findall(r"(?m)^\| `.*?\|", table))))
    assert told == set(settings("defaults/main.yml"))
    text = "".join(
        file.read_text(encoding="utf-8") for file in ROLE.rglob("*.*") if file.parent.name != "defaults"
    )
    assert {name for name in told if name not in text} == set()


def test_the_role_is_for_the_ansible_that_tests_it() -> None:
    minimum = settings("meta/main.yml")["galaxy_info"]["min_ansible_version"]
    assert f'"ansible-core>={minimum}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.soak
def test_an_image_is_made_without_a_service_that_runs(a_machine: Callable[..., Machine]) -> None:
    machine = a_new_machine(a_machine)
    assert changed(play(machine, jupyter_totp_services=False)) > 0
    insist_on_files(machine)
    assert "inactive" in machine.run("systemctl status jupyter", fails=True).output


@pytest.mark.parametrize("wrong", [{"jupyter_totp_domain": ""}, {"jupyter_totp_services": False}])
@pytest.mark.soak
def test_variables_that_make_no_sense_change_nothing(
    a_machine: Callable[..., Machine], wrong: dict[str, Any]
) -> None:
    machine = a_machine(NAME)
    told = play(machine, jupyter_totp_tls="acme", **wrong, fails=True)
    assert "Set jupyter_totp_domain to the name in the address bar" in told.output
    assert not machine.file("/opt/jupyter").exists()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_machine_from_a_dry_run_to_a_cell(a_machine: Callable[..., Machine]) -> None:
    machine = a_new_machine(a_machine)
    play(machine, "--syntax-check")
    play(machine, "--check", "--diff")
    assert not machine.file("/opt/jupyter").exists()
    machine.run("touch /var/lib/apt/lists")  # fresh: nothing to fetch, and all packages are there
    first = play(machine, jupyter_totp_packages=["nginx", "python3-venv", "curl"])
    insist_on_files(machine)
    visitor, _ = enrolled(machine, first.output, "ada")
    works(visitor)
    again = play(machine)
    assert changed(again) == 0
    assert "enroll#" not in again.output
    assert changed(play(machine, "--check", "--diff")) == 0
    more = play(machine, jupyter_totp_config='c.TotpAuth.site_name = "The laboratory"')
    assert changed(more) > 0
    assert "The laboratory" in Visitor(visitor.url, machine).get("login").text
    assert visitor.is_signed_in()  # a restart ends no login


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_certificate_of_lets_encrypt(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine(NAME)
    first = play(machine, jupyter_totp_tls="acme")
    visitor, _ = enrolled(machine, first.output, "ada")
    assert visitor.is_signed_in()
    assert changed(play(machine, jupyter_totp_tls="acme")) == 0
