"""The guide for a fresh Debian machine, to a cell behind two factors; and what the role makes of it then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.guides.machine import Machine
from tests.guides.paper import follow
from tests.guides.person import enrolled, signed_in, works
from tests.guides.playing import changed, play

GUIDE = "tutorial/fresh-debian"


@pytest.mark.timeout(400)
def test_a_fresh_debian_machine_with_nginx_and_the_role_would_change_nothing(
    a_machine: Callable[..., Machine],
) -> None:
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
    seconds = sum(told.seconds for told in machine.told)
    told = play(machine, jupyter_totp_tls="acme")
    assert changed(told) == 0, told.output
    print(f"commands of the guide took {seconds:.1f} s, the role {told.seconds:.1f} s")
