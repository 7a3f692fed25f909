"""Goal 5: the start of JupyterLab, and what the server takes at rest.

python -m benchmarks.start_and_memory [--full]

``jupyter lab`` from the command until a page answers, by the clock and by the processor; and the memory of
the server, proportional set and swap, at rest after a login by its forms and a load of ``/lab``. Ours stands
beside Jupyter's own password (our two extensions switched off) and beside no check at all; and with 10, 1,000
and 100,000 live logins in the store. Beside that, without a goal: the command line.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import requests
from jupyter_server.auth import passwd

from benchmarks.contenders import FLOOR, FLOOR_CONFIG, OURS, STOCK, WITHOUT_OURS, cpu_of, stock_cookie
from benchmarks.measure import Sample, Study, in_turn, is_full
from benchmarks.million import crowd
from tests.harness.backstage import backstage
from tests.harness.client import PASSWORD, Client, Person, close_all
from tests.harness.server import START_SECONDS, JupyterServer

ROUNDS, MORE_ROUNDS = 4, 15
LOGINS = (10, 1_000, 100_000)
START, CPU = "jupyter lab, s until a page answers", "jupyter lab, s of processor until then"
MEMORY = "memory at rest, MiB"
COMMAND = "command, s"
_PATIENCE_S = 0.005
_REST_S = 1.0
_OFF = {"disabledExtensions": {"jupyter-totp-auth": True}}
_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""As installed: a checkout that keeps no bytecode would be compiled anew at each start, and Jupyter not."""


@dataclass
class Starter:
    """A home that a server is started in again and again, and how somebody signs in there."""

    server: JupyterServer
    sign_in: Callable[[str], str]
    """From the server's URL to a header ``Cookie``."""


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    rounds = MORE_ROUNDS if full else ROUNDS
    study = Study("start_and_memory", "Goal 5 · start and memory")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        starters = {STOCK: stock(home / STOCK), FLOOR: floor(home / FLOOR)}
        starters |= {named(many): ours(home / f"ours-{many}", many, rounds + 1) for many in LOGINS}
        measures = {name: partial(one_start, starter) for name, starter in starters.items()}
        in_turn(measures, rounds=1)  # bytecode, and the files of the system's cache
        study.add(in_turn(measures, rounds=rounds))
        first = starters[named(LOGINS[0])].server
        commands = {name: partial(one_command, first, words) for name, words in COMMANDS.items()}
        study.add(in_turn(commands, rounds=rounds))
    judge(study)
    study.report()


def named(many: int) -> str:
    """Ours, with so many logins in its store."""
    return f"{OURS}, {many:,} logins"


def judge(study: Study) -> None:
    """The goals, and the points of the chart."""
    least = named(LOGINS[0])
    study.ratio(START, least, STOCK, at_most=1.06)
    # What others do on the machine only ever adds: the quickest round is the one that they disturbed least.
    quickest = {name: min(study.figures[START][name]) for name in (least, STOCK)}
    study.judge(f"{START}: the quickest of each", quickest[least] / quickest[STOCK], at_most=1.06)
    study.ratio(CPU, least, STOCK)
    study.ratio(START, least, FLOOR)
    study.judge(f"{MEMORY}: ours - stock", difference(study, least, STOCK), at_most=15)
    for many in LOGINS[1:]:
        study.ratio(START, named(many), least)
        study.judge(f"{MEMORY}: {named(many)} - {LOGINS[0]} logins", difference(study, named(many), least))
    for figure in (START, MEMORY):
        chart = study.points[f"{figure}, by live logins"] = {
            OURS: {many: study.median(figure, named(many)) for many in LOGINS}
        }
        for name in (STOCK, FLOOR):  # they keep no logins: the same at any number
            chart[name] = dict.fromkeys(LOGINS, study.median(figure, name))


def difference(study: Study, of: str, to: str) -> float:
    """The median difference within a round."""
    pairs = zip(study.figures[MEMORY][of], study.figures[MEMORY][to], strict=True)
    return median(one - other for one, other in pairs)


# -- who starts ------------------------------------------------------------------------------------


def stock(home: Path) -> Starter:
    """As without us: both extensions off, and a password."""
    config = f"c.PasswordIdentityProvider.hashed_password = {passwd(PASSWORD)!r}\n"
    return Starter(_without_ours(home, config), stock_cookie)


def floor(home: Path) -> Starter:
    """No check, and nobody who has to sign in."""
    return Starter(_without_ours(home, FLOOR_CONFIG), lambda _url: "")


def _without_ours(home: Path, config: str) -> JupyterServer:
    pages = home / "config" / "labconfig"
    pages.mkdir(parents=True)
    (pages / "page_config.json").write_text(json.dumps(_OFF))
    return JupyterServer(home, app="lab", config=config, arguments=[WITHOUT_OURS], environment=_COMPILED)


def ours(home: Path, logins: int, people: int) -> Starter:
    """A store that is up to date, with so many logins, and somebody to sign in each time."""
    server = JupyterServer(home, app="lab", environment=_COMPILED)
    data = home / "data"
    keyring = data / "totp-key" / "keyring"
    crowd(data, f"sqlite:///{server.database}", logins, keyring=keyring).services.close()
    with backstage(server) as behind:
        waiting = [behind.enrolled(f"starter-{number}") for number in range(people)]
    return Starter(server, lambda url: _by_both_factors(url, waiting.pop()))


def _by_both_factors(url: str, person: Person) -> str:
    client = Client(url)
    client.log_in(person)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)


# -- what is measured ------------------------------------------------------------------------------


def one_start(starter: Starter) -> Sample:
    """Start, sign in, load the page, rest."""
    server = starter.server
    begun = time.perf_counter()
    server.launch()
    try:
        wait_for_a_page(server)
        seconds = time.perf_counter() - begun
        assert server.process is not None
        pid = server.process.pid
        processor = cpu_of(pid)
        headers = {"Cookie": starter.sign_in(server.url)}
        for path, holds in (("lab", "jupyter-config-data"), ("api/contents", "content")):
            page = requests.get(f"{server.url}{path}", headers=headers, timeout=60)
            assert page.ok, page.status_code
            assert holds in page.text
        close_all()
        time.sleep(_REST_S)
        return {START: seconds, CPU: processor, MEMORY: memory_of(pid)}
    finally:
        server.stop()


def wait_for_a_page(server: JupyterServer) -> None:
    """Until the login page answers, in whatever way: without a check it leads on."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = requests.get(f"{server.url}login", timeout=20, allow_redirects=False)
        except requests.ConnectionError:
            time.sleep(_PATIENCE_S)
            continue
        assert answer.status_code < requests.codes.server_error, server.log
        return
    raise AssertionError(f"the server did not get ready:\n{server.log}")


def memory_of(pid: int) -> float:
    """What the process takes for itself, and its share of what it shares: MiB, swapped out or not."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines[1:])
    return sum(int(fields[name].split()[0]) for name in ("Pss", "SwapPss")) / 1024


COMMANDS = {
    "jupyter totp --help": ["totp", "--help"],
    "jupyter totp list": ["totp", "list"],
    "jupyter kernelspec list": ["kernelspec", "list"],
}


def one_command(server: JupyterServer, words: list[str]) -> Sample:
    """From the terminal, on a store that is there."""
    command, environment = [server.python, "-m", "jupyter", *words], {**os.environ, **server.env}
    begun = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=60)
    return {COMMAND: time.perf_counter() - begun}


if __name__ == "__main__":
    main(full=is_full())
