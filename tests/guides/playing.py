"""The Ansible role of config/ansible, run on a throw-away machine by the machine itself."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from tests.guides.machine import Machine, Told
from tests.guides.paper import ROOT

ANSIBLE = ROOT / "config" / "ansible"


def play(machine: Machine, *words: str, fails: bool = False, **variables: Any) -> Told:
    """The example, against the machine itself. Debian's packages are there."""
    given = json.dumps({"jupyter_totp_tls": "files", "jupyter_totp_packages": [], **variables})
    machine.write("/root/inventory", "[jupyter]\nlocalhost ansible_connection=local\n")
    command = f"{sys.prefix}/bin/ansible-playbook -i /root/inventory site.yml -e '{given}'"
    return machine.run(
        f"cd {ANSIBLE}; {command} {' '.join(words)}",
        fails=fails,
        ANSIBLE_PIPELINING="1",
        ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3",
    )


def changed(told: Told) -> int:
    """How much a play has changed."""
    (recap,) = re.findall(r"changed=(\d+) +unreachable=0 +failed=0", told.output)
    return int(recap)
