"""The guide for a fresh Debian machine, from the first command to a cell that runs behind two factors."""

from __future__ import annotations

from collections.abc import Callable

from tests.guides.machine import Machine
from tests.guides.paper import follow
from tests.guides.person import enrolled, signed_in, works

GUIDE = "tutorial/fresh-debian"


def test_a_fresh_debian_machine_with_nginx(a_machine: Callable[..., Machine]) -> None:
    machine = a_machine("jupyter.example.org")
    follow(machine, GUIDE, until="8.")
    assert '{"status": "ok"}' in machine.said("curl")
    visitor, ada = enrolled(machine, machine.said("journalctl"), "ada")
    works(visitor)
    follow(machine, GUIDE, since="8.")
    assert "red: 0" in machine.said("sudo jupyter-totp doctor")
    assert "red: 0" in machine.said("totp doctor https://")
    listed_and_added = machine.said("jupyter-totp list")
    assert "ada" in listed_and_added
    other = signed_in(machine, visitor.url, ada)
    assert visitor.url == "https://jupyter.example.org/"
    assert other.cookie_name("-login-").startswith("__Host-")
    grace, _ = enrolled(machine, listed_and_added, "grace")
    assert grace.is_signed_in()
    print(f"the commands took {sum(told.seconds for told in machine.told):.1f} s")
