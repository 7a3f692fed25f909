"""What a reload puts in the place of the old: for the next request, and as one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.web.account_api import HealthHandler
from jupyter_totp_auth.web.assembly import make_now
from jupyter_totp_auth.web.reload import AT_START
from jupyter_totp_auth.web.rim import Now
from tests.web.small_server import SmallServer

OPTIONS = Path(__file__).parents[2] / "docs" / "reference" / "options.md"


def test_what_a_request_has_begun_with_it_keeps_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SmallServer(tmp_path, site_name="Before") as server:
        before, seen = server.rim.now, list[Now]()
        policy = replace(before.services.policy, password_min=20)
        after = make_now(TotpAuth(site_name="After"), before.services, "/")

        async def get(handler: HealthHandler) -> None:
            seen.append(handler.now)
            server.rim.follow(after, policy)
            seen.append(handler.now)
            handler.answer({})

        monkeypatch.setattr(HealthHandler, "get", get)
        assert requests.get(f"{server.url}api/totp/health", timeout=5).status_code == 200
        assert seen == [before, before]
        assert "After" in requests.get(f"{server.url}login", timeout=5).text
        services = server.rim.services
        assert services.policy.password_min == 20
        assert before.services.policy.password_min == 12
        assert services.accounts is not before.services.accounts
        assert services.logins is before.services.logins, "who is signed in stays so"


def test_the_table_of_options_has_each_and_says_which_need_a_restart() -> None:
    text = OPTIONS.read_text().split("## What a reload changes", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    told = {name: "restart" in what for names, what in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == {name: name in AT_START for name in TotpAuth.class_trait_names(config=True)}
