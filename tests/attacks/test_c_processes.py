"""Group C where servers of their own are needed: C19 and C20, other times and zones."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.stage import Opener

# -- C19: the repeated hour of autumn ---------------------------------------------------------------------------

FOLDS = {
    "Europe/Berlin": (datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30)),  # noqa: DTZ001 - UTC, below
    "America/New_York": (datetime(2026, 11, 1, 5, 30), datetime(2026, 11, 1, 6, 30)),  # noqa: DTZ001
}


@pytest.mark.parametrize("zone", FOLDS)
def test_C19_codes_are_accepted_in_both_passes_of_the_repeated_hour(
    tmp_path: Path, open_here: Opener, zone: str
) -> None:
    with open_here(tmp_path, zone=zone, cheap=True) as stage:
        first, second = (moment.replace(tzinfo=timezone.utc).timestamp() for moment in FOLDS[zone])
        stage.clock.set(first - 600)
        ada = stage.person()
        for moment in (first, second):
            stage.clock.set(moment)
            stage.log_in(ada)
            assert abs(stage.clock.time() - moment) < 60
        assert "02:3" in stage.log or "01:3" in stage.log, "the log is in local time"
        assert stage.logins_of(ada) == 2


# -- C20: times that break counters -------------------------------------------------------------------------------


def at(*moment: Any) -> float:
    return datetime(*moment, tzinfo=timezone.utc).timestamp()


def test_C20_logins_work_beyond_2038_and_2106_and_in_1970_nothing_breaks(
    tmp_path: Path, open_here: Opener
) -> None:
    with open_here(tmp_path, cheap=True) as stage:
        early = stage.person()
        stage.log_in(early)
        for moment in (at(2038, 1, 19, 3, 13, 30), at(2106, 2, 7, 6, 27, 30)):  # before 2**31 and 2**32 s
            stage.clock.set(moment)
            ada = stage.person()
            client = stage.log_in(ada)
            stage.clock.set(moment + 90)
            assert client.is_signed_in(), "over the edge"
            stage.log_in(ada)
        for moment in (at(1970, 1, 1, 0, 0, 5), at(1970, 1, 1, 1, 0, 0)):
            stage.clock.set(moment)
            stage.unlock(early)
            half = stage.half_in(early.username)
            answer = half.second_factor(early.phone.code())
            assert answer.status_code in {401, 503}, "the steps that were used lie ahead"
            assert not half.is_signed_in()
        # Or none: what was in 2026 can have been purged in 2038 as too old.
        assert stage.events_of(early).count("login") <= 1
        assert "Traceback" not in stage.log
        assert stage.client().get("api/totp/health").status_code in {200, 503}
