"""The metrics on a real server's ``/metrics``: they move as the documentation says, and name nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.attacks.stage import WRONG_PASSWORD, Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import PASSWORD, Client

ROOT = Path(__file__).parents[2]
Values = dict[str, float]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    arguments = ["--TotpAuth.trusted_proxies=127.0.0.1/32", "--TotpAuth.address_burst=3"]
    with open_stage(tmp_path_factory.mktemp("metrics"), arguments=arguments) as found:
        yield found


@pytest.fixture(scope="module")
def scraper(stage: Stage) -> Client:
    """A program with an access token, as Prometheus would be."""
    person = stage.person("prometheus")
    maker = stage.log_in(person)
    made = maker.request("POST", "api/totp/access-tokens", json={"name": "Prometheus"})
    return stage.client(Authorization=f"Bearer {made.json()['token']}")


def page(scraper: Client) -> str:
    answer = scraper.get("metrics")
    assert answer.status_code == 200
    return answer.text


def values(scraper: Client) -> Values:
    """Our own samples, as ``name{label}``."""
    found = {}
    for family in text_string_to_metric_families(page(scraper)):
        for sample in family.samples:
            if sample.name.startswith("jupyter_totp_") and not sample.name.endswith("_created"):
                labels = ",".join(sample.labels.values())
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def moved(before: Values, after: Values) -> Values:
    """What has changed, without times, buckets and the moment's gauges."""
    steady = ("_bucket", "_sum", "_silence_seconds", "_created")
    return {
        name: after[name] - before.get(name, 0)
        for name in after
        if after[name] != before.get(name, 0) and not name.partition("{")[0].endswith(steady)
    }


def test_a_login_and_its_failures_are_counted(stage: Stage, scraper: Client) -> None:
    ada = stage.person()
    wrong = stage.wrong_code(ada)
    before = values(scraper)
    stage.log_in(ada)
    one = values(scraper)
    both = {"jupyter_totp_factor_seconds_count{first}": 1, "jupyter_totp_factor_seconds_count{second}": 1}
    accepted = {"jupyter_totp_first_factor_total{accepted}": 1, **both}
    assert moved(before, one) == {
        "jupyter_totp_logins_total{opened}": 1,
        "jupyter_totp_second_factor_total{opened}": 1,
        "jupyter_totp_live_logins": 1,
        **accepted,
    }
    denied = {
        "jupyter_totp_logins_total{failed}": 1,
        "jupyter_totp_second_factor_total{denied}": 1,
        **accepted,
    }
    for name, password in ((ada.username, WRONG_PASSWORD), (ada.username, PASSWORD), ("nobody", PASSWORD)):
        stage.unlock(ada)
        before = values(scraper)
        assert stage.half_in(name, password).second_factor(wrong).status_code == 401
        assert moved(before, values(scraper)) == denied, "it does not tell which factor was wrong"
    before = values(scraper)
    stage.half_in("nobody-2", PASSWORD)  # a password alone: nothing was said
    client = stage.client()
    client.get("login")
    document = {"username": ada.username, "password": WRONG_PASSWORD, "code": wrong}
    assert client.request("POST", "api/totp/login", json=document).status_code == 401
    assert moved(before, values(scraper))["jupyter_totp_logins_total{failed}"] == 1


def test_tries_that_must_wait_are_counted_by_what_made_them_wait(stage: Stage, scraper: Client) -> None:
    before = values(scraper)
    client = stage.client(**{"X-Forwarded-For": "198.51.100.9"})
    form = client.get("login")
    answers = [client.post_form(form, {"username": "nobody-3", "password": "x"}) for _ in range(5)]
    assert [answer.status_code for answer in answers].count(429) == 2
    assert moved(before, values(scraper))["jupyter_totp_throttled_total{address}"] == 2
    before = values(scraper)
    for _ in range(40):
        if stage.client().first_factor("nobody-4", "x").status_code == 429:
            break
    assert moved(before, values(scraper))["jupyter_totp_throttled_total{account}"] == 1


def test_open_sockets_are_counted_and_a_login_that_ended_is_live_no_more(
    stage: Stage, scraper: Client
) -> None:
    client = stage.log_in(stage.person())
    before = values(scraper)
    socket = client.kernel_socket(client.start_kernel())
    assert moved(before, values(scraper))["jupyter_totp_open_sockets"] == 1
    socket.shutdown()
    client.log_out()
    wait_until(
        lambda: values(scraper)["jupyter_totp_open_sockets"] == before["jupyter_totp_open_sockets"],
        10,
        "the socket's end to be noticed",
    )
    after = values(scraper)
    assert after["jupyter_totp_live_logins"] == before["jupyter_totp_live_logins"] - 1
    assert after["jupyter_totp_hash_queue{waiting}"] == after["jupyter_totp_hash_queue{running}"] == 0
    assert after["jupyter_totp_store_silence_seconds"] < 10


def test_no_metric_names_anybody_and_strangers_see_none(stage: Stage, scraper: Client) -> None:
    ada = stage.person("lady-lovelace")
    client = stage.log_in(ada, stage.client(**{"X-Forwarded-For": "203.0.113.77"}))
    logins = client.get("api/totp/logins").json()["logins"]
    text = page(scraper)
    for secret in (ada.username, "prometheus{", "203.0.113.77", "127.0.0.1", logins[0]["id"]):
        assert secret not in text
    assert stage.client().get("metrics").status_code == 302


def test_every_metric_is_documented_with_every_value_of_its_labels(scraper: Client) -> None:
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(jupyter_totp_\w+)`", text))
    served = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(page(scraper))
        if family.name.startswith("jupyter_totp_") and not family.name.endswith("_created")
    }
    assert documented == served
    for name in values(scraper):
        for value in re.findall(r"\{([a-z]\w*)\}", name):
            assert f"`{value}`" in text, name
