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
        server = lean(Path(home))
        server.arguments.append(TRUSTED)
        with server, backstage(server) as behind:
            people = known_people(server, behind)
            watch = Watch(server, people)
            with watch.echoing():
                time.sleep(QUIET_SECONDS)
            print(f"quiet    kernel echo p50 {watch.echo(0.5):.0f} ms, p99 {watch.echo(0.99):.0f} ms")
            before, watch.echoes = watch.rss(), []
            with flood(server.url, seconds, rate) as answers, watch.echoing(), watch.signing_in(seconds):
                time.sleep(seconds)
            watch.report(before, answers, seconds)
            close_all()


def known_people(server: JupyterServer, behind: Backstage) -> list[tuple[Person, Client]]:
    """People, each with a browser that has been in; and a time step that none of them has used."""
    people = []
    for number in range(PEOPLE):
        person = behind.enrolled(f"ada-{number}")
        client = Client(server.url, **{"X-Forwarded-For": f"203.0.113.{number}"})
        client.log_in(person)
        client.log_out()
        people.append((person, client))
    time.sleep(30)
    return people


class Watch:
    """What is measured from outside."""

    def __init__(self, server: JupyterServer, people: list[tuple[Person, Client]]) -> None:
        assert server.process is not None
        self._status = Path(f"/proc/{server.process.pid}/status")
        self._people = people
        self._worker = Client(server.url, **{"X-Forwarded-For": "203.0.113.200"})
        person, _ = people.pop()
        self._worker.log_in(person)
        self._kernel = self._worker.kernel_socket(self._worker.start_kernel())
        self._worker.execute(self._kernel, "0")
        self.echoes: list[float] = []
        self.logins: list[float] = []
        self.refused = 0
        self.peak = 0

    def rss(self) -> int:
        """Resident memory, in MiB."""
        return int(self._status.read_text().partition("VmRSS:")[2].split()[0]) // 1024

    def echo(self, part: float) -> float:
        """That quantile of the kernel's echoes, in ms."""
        return quantile(self.echoes, part) * 1000

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
    def signing_in(self, seconds: int) -> Iterator[None]:
        """Each person once, evenly over the time."""
        waiting, pause = list(self._people), seconds / (len(self._people) + 1)

        def one() -> None:
            if waiting:
                self._sign_in(*waiting.pop())
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

    def report(self, before: int, answers: Counter[int], seconds: int) -> None:
        """One line a figure."""
        total = sum(answers.values())
        print(f"flood    {total / seconds:.0f} logins/s for {seconds} s: {dict(sorted(answers.items()))}")
        print(f"         kernel echo p50 {self.echo(0.5):.0f} ms, p99 {self.echo(0.99):.0f} ms (goal 250)")
        print(f"         memory {before} MiB, at most +{self.peak - before} MiB (goal 256)")
        late = quantile(self.logins, 0.95)
        print(f"         {len(self.logins)} known browsers in, p95 {late:.2f} s (goal 3), 503 {self.refused}")


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
    begun, tasks = time.monotonic(), []
    for number in range(seconds * rate):
        await asyncio.sleep(max(begun + number / rate - time.monotonic(), 0))
        tasks.append(asyncio.ensure_future(_one(url, token, number)))
    return Counter(await asyncio.gather(*tasks))


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
