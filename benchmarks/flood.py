"""What a flood of bogus logins costs those who work here (D25): python -m benchmarks.flood [SECONDS [RATE]]

Starts a server of its own behind a "trusted proxy" (this program, which invents a client address for every
request), floods its login page at an even rate, and meanwhile runs code in a kernel and signs people in
from browsers that are known. Prints one line a figure. Not a test: the figures are those of the machine.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import requests

from tests.harness.backstage import Backstage, backstage
from tests.harness.client import Client, Person, close_all
from tests.harness.lean import lean
from tests.harness.server import JupyterServer
from tests.harness.volley import message

PEOPLE = 20
QUIET_SECONDS = 10
TRUSTED = "--TotpAuth.trusted_proxies=127.0.0.1/32"


def main(seconds: int = 60, rate: int = 200) -> None:
    """Everything, in a temporary directory."""
    with tempfile.TemporaryDirectory() as home:
        watch = flooded(Path(home), seconds=seconds, rate=rate, people=PEOPLE, quiet_seconds=QUIET_SECONDS)
        watch.report()
        close_all()


def flooded(home: Path, *, seconds: int, rate: int, people: int, quiet_seconds: float) -> Watch:
    """What a server's people notice of a flood: the quiet before it, and it. The server has ended."""
    server = lean(home)
    server.arguments.append(TRUSTED)
    with server, backstage(server) as behind:
        watch = Watch(server, known_people(server, behind, people), seconds)
        with watch.echoing():
            time.sleep(quiet_seconds)
        watch.quiet, watch.echoes, watch.before = watch.echoes, [], watch.rss()
        with flood(server.url, seconds, rate) as answers, watch.echoing(), watch.signing_in():
            time.sleep(seconds)
        watch.answers = answers
    return watch


def known_people(server: JupyterServer, behind: Backstage, number: int) -> list[tuple[Person, Client]]:
    """People, each with a browser that has been in, by a recovery code: the phone's next code is unused."""
    people = []
    for one in range(number):
        person = behind.enrolled(f"ada-{one}")
        client = Client(server.url, **{"X-Forwarded-For": f"203.0.113.{one}"})
        client.log_in(person, code=person.recovery_codes.pop())
        client.log_out()
        people.append((person, client))
    return people


class Watch:
    """What is measured from outside."""

    def __init__(self, server: JupyterServer, people: list[tuple[Person, Client]], seconds: int) -> None:
        assert server.process is not None
        self._status = Path(f"/proc/{server.process.pid}/status")
        self._people, self._seconds = people, seconds
        self._worker = Client(server.url, **{"X-Forwarded-For": "203.0.113.200"})
        person, _ = people.pop()
        self._worker.log_in(person)
        self._kernel = self._worker.kernel_socket(self._worker.start_kernel())
        self._worker.execute(self._kernel, "0")
        self.quiet: list[float] = []
        self.echoes: list[float] = []
        self.answers: Counter[int] = Counter()
        self.before = 0
        self.logins: list[float] = []
        self.refused = 0
        self.late = 0
        self.peak = 0

    def rss(self) -> int:
        """Resident memory, in MiB."""
        return int(self._status.read_text().partition("VmRSS:")[2].split()[0]) // 1024

    @property
    def growth(self) -> int:
        """What the flood has cost in memory at its worst, in MiB."""
        return self.peak - self.before

    @contextmanager
    def echoing(self) -> Iterator[None]:
        """Run a line of code every 0.1 s, and look at the memory."""
        with _thread(self._echo):
            yield

    def _echo(self) -> None:
        begun = time.monotonic()
        assert self._worker.execute(self._kernel, "print(1)") == "1\n"
        self.echoes.append(time.monotonic() - begun)
        self.peak = max(self.peak, self.rss())
        time.sleep(0.1)

    @contextmanager
    def signing_in(self) -> Iterator[None]:
        """Each person once, evenly over the time."""
        waiting, pause = list(self._people), self._seconds / (len(self._people) + 1)

        def one() -> None:
            if waiting:
                try:
                    self._sign_in(*waiting.pop())
                except (
                    requests.Timeout
                ):  # after 30 s: a figure like any other, not the end of the measurement
                    self.late += 1
            time.sleep(pause)

        with _thread(one):
            yield

    def _sign_in(self, person: Person, client: Client) -> None:
        begun = time.monotonic()
        answer = client.first_factor(person.username)
        while answer.status_code == requests.codes.unavailable:
            self.refused += 1
            time.sleep(int(answer.headers["Retry-After"]))
            answer = client.first_factor(person.username)
        done = client.second_factor(person.phone.fresh_code())
        assert done.status_code == requests.codes.see_other, done.text
        self.logins.append(time.monotonic() - begun)

    def report(self) -> None:
        """One line a figure."""
        rate, statuses = self.answers.total() / self._seconds, dict(sorted(self.answers.items()))
        print(f"quiet    kernel echo {_echo_text(self.quiet)}")
        print(f"flood    {rate:.0f} logins/s for {self._seconds} s: {statuses}")
        print(f"         kernel echo {_echo_text(self.echoes)} (goal 250)")
        print(f"         memory {self.before} MiB, at most +{self.growth} MiB (goal 256)")
        late = quantile(self.logins, 0.95) if self.logins else 0
        print(f"         {len(self.logins)} known browsers in, p95 {late:.2f} s (goal 3), 503 {self.refused}")
        print(f"         {self.late} not within 30 s")


def _echo_text(echoes: list[float]) -> str:
    return f"p50 {quantile(echoes, 0.5) * 1000:.0f} ms, p99 {quantile(echoes, 0.99) * 1000:.0f} ms"


def quantile(values: list[float], part: float) -> float:
    """The smallest value that so many are not above."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


@contextmanager
def _thread(act: object) -> Iterator[None]:
    """Do something again and again, beside; its failure is ours."""
    over, failed = threading.Event(), []

    def run() -> None:
        try:
            while not over.is_set():
                act()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]


# -- the flood: a process of its own, so that what it costs itself is not measured ---------------------------


@contextmanager
def flood(url: str, seconds: int, rate: int) -> Iterator[Counter[int]]:
    """Send for so long; the answers by their status are complete when the block is left."""
    client = Client(url)
    client.get("login")
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    sender = multiprocessing.get_context("spawn").Process(
        target=_send, args=(url, client.xsrf, seconds, rate, theirs)
    )
    sender.start()
    assert ours.poll(30)
    ours.recv()  # it is ready
    answers: Counter[int] = Counter()
    try:
        yield answers
        assert ours.poll(60), "the flood did not end"
        answers.update(ours.recv())
    finally:
        sender.join(30)


def _send(url: str, token: str, seconds: int, rate: int, results: Connection) -> None:
    results.send("ready")
    results.send(asyncio.run(_all(url, token, seconds, rate)))


async def _all(url: str, token: str, seconds: int, rate: int) -> Counter[int]:
    begun, answers = time.monotonic(), Counter[int]()
    under_way: set[asyncio.Task[None]] = set()
    for number in range(seconds * rate):
        await asyncio.sleep(max(begun + number / rate - time.monotonic(), 0))
        task = asyncio.ensure_future(_count(answers, url, token, number))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    return answers


async def _count(answers: Counter[int], url: str, token: str, number: int) -> None:
    answers[await _one(url, token, number)] += 1


async def _one(url: str, token: str, number: int) -> int:
    """The status of one bogus login; 0 where there was no answer."""
    parts = urlsplit(url)
    address = f"198.{18 + number // 65_536}.{number // 256 % 256}.{number % 256}"
    form = {"_xsrf": token, "username": f"nobody-{number}", "password": f"wrong-{number}"}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": address}
    data = message(
        url,
        "POST",
        "/login",
        cookies={"_xsrf": token},
        headers={**headers, "Connection": "close"},
        body=urlencode(form).encode(),
    )
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(data)
        line = await asyncio.wait_for(reader.readline(), 60)
        await reader.read()
        writer.close()
        return int(line.split()[1])
    except (OSError, IndexError, asyncio.TimeoutError):
        return 0


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
