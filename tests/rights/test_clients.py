"""Programs as they are in use, with tokens of different scopes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.core.model import Role
from tests.rights.people import Asker, House

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "labextension" / "node_modules"
REFUSED = "refused: This access token was not made for that."
MAY_NOT = "refused: Your account may read here, but not change or run anything."


def in_node(asker: Asker) -> dict[str, Any]:
    done = subprocess.run(
        ["node", HERE / "services_client.cjs", asker.url, asker.token],
        env={**os.environ, "NODE_PATH": str(MODULES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("role", "scopes", "expected"),
    [
        (Role.MEMBER, ["all"], {"read": "mine text", "written": "mine/b.txt", "ran": "42", "shell": "open"}),
        (Role.MEMBER, ["contents:read", "kernels:execute"],
         {"read": "mine text", "written": REFUSED, "ran": "42", "shell": REFUSED}),
        (Role.READER, ["all"], {"read": "mine text", "written": MAY_NOT, "ran": MAY_NOT, "shell": MAY_NOT}),
    ],
)  # fmt: skip
def test_jupyterlab_services_in_node(
    house: House, root: Path, role: Role, scopes: list[str], expected: dict[str, str]
) -> None:
    """What VS Code is built on."""
    assert in_node(house.with_token(role, *scopes)) == expected


@pytest.mark.soak
def test_jupyter_kernel_client(house: House) -> None:
    from jupyter_kernel_client import JupyterKernelClient

    program = house.with_token(Role.MEMBER, "kernels:execute")
    with JupyterKernelClient(server_url=program.url.rstrip("/"), token=program.token) as kernel:
        reply = kernel.execute("print(6 * 7)")
    assert (reply["status"], reply["outputs"][0]["text"].strip()) == ("ok", "42")


def test_curl(house: House, root: Path) -> None:
    program = house.with_token(Role.MEMBER, "contents:read")
    said = subprocess.run(
        [
            "curl",
            "-s",
            "-H",
            f"Authorization: Bearer {program.token}",
            f"{program.url}files/mine/a.txt",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert said.stdout == "mine text"
