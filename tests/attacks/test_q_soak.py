"""Q07: hours of mixed requests at a steady rate, over three years of the server's clock; nothing piles up."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

import pytest

from tests.attacks.stage import WRONG_PASSWORD, Stage, open_stage
from tests.harness.client import Client, Person

MINUTES = int(os.environ.get("SOAK_MINUTES", "120"))
"""1440 for the whole day of the attack list."""

DAYS = 1200
"""Of the server's clock: events are kept for 400."""

ROUND = 4.0
"""Seconds; what a round asks takes less than half of them, so the rate is steady."""

READS = ("api/contents", "api/totp/me", "api/totp/events", "api/totp/logins", "logout", "api/kernels")
MIB = 1 << 20


@dataclass
class Look:
    """What the server holds at one moment."""

    hours: float
    memory: int
    files: int
    stored: int


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, arguments=["--TotpAuth.address_burst=0"]) as found:
        yield found


def look(stage: Stage, begun: float) -> Look:
    process = stage.server.process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    with stage.sql() as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return Look((time.monotonic() - begun) / 3600, int(kilobytes) * 1024, files, (pages - free) * size)


def a_round(stage: Stage, person: Person, number: int) -> int:
    """A person's quarter of an hour, and two strangers'; how many requests that was."""
    client = stage.log_in(person)
    for path in READS * 3:
        answer = client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
    for stranger in (person.username, f"nobody-{number}"):
        half = stage.client()
        refused = half.first_factor(stranger, WRONG_PASSWORD)
        assert refused.status_code in (303, 429), refused.text
        if refused.status_code == 303:
            half.second_factor("000000")
        half.session.close()
    made = made_token(client, number)
    if number % 2:
        client.log_out()
    client.session.close()
    return 40 + made


def made_token(client: Client, number: int) -> int:
    """Every tenth round a token is made, used and taken away."""
    if number % 10:
        return 0
    made = client.request("POST", "api/totp/access-tokens", json={"name": f"t{number}", "scopes": ["all"]})
    assert made.status_code == 201, made.text
    bearer = Client(client.url, Authorization=f"token {made.json()['token']}")
    assert bearer.get("api/contents").status_code == 200
    gone = client.request("DELETE", f"api/totp/access-tokens/{made.json()['id']}")
    assert gone.status_code in (200, 204), gone.text
    bearer.session.close()
    return 3


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 * 2 + 600)
def test_Q07_after_hours_of_mixed_requests_memory_files_and_store_are_what_they_were(stage: Stage) -> None:
    person, begun, requests, looks = stage.person(), time.monotonic(), 0, list[Look]()
    rounds = max(int(MINUTES * 60 / ROUND), 3)
    for number in range(rounds):
        ends = begun + (number + 1) * ROUND
        requests += a_round(stage, person, number)
        stage.unlock(person)  # the strangers' guesses must not close the password for good
        stage.clock.move(DAYS * 24 * 3600 // rounds)
        looks.append(look(stage, begun))
        time.sleep(max(ends - time.monotonic(), 0))
    later = looks[len(looks) // 2 :]
    told = f"{requests} requests in {MINUTES} min; first {looks[0]}, half-time {later[0]}, last {later[-1]}"
    print(told)
    slope = linear_regression([one.hours for one in later], [one.memory for one in later]).slope
    # Over a short time the allocator's own steps look like a slope.
    hours = later[-1].hours - later[0].hours
    assert slope * hours < max(MIB * hours, 4 * MIB), f"memory grows by {slope / MIB:.2f} MiB an hour; {told}"
    assert later[-1].files <= later[0].files + 5, told
    if MINUTES >= 60:  # it is swept every ten minutes
        assert later[-1].stored < later[0].stored * 1.25 + MIB, told
    assert "ERROR" not in stage.server.log, told
