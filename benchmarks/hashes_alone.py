"""How many passwords a second this machine can check, and nothing else: the limit of any login.

python -m benchmarks.hashes_alone THREADS NICENESS SECONDS [COMPUTING]

The product's own parameters, and its own thread that hashes, which so many threads ask. COMPUTING processes
of the same session go on beside, as people's kernels do where all are in one container. Prints the number a
second.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.web.pool import NiceThread

PASSWORD = "correct horse battery staple 1"  # noqa: S105 - of nobody


def main(threads: int, niceness: int, seconds: float, computing: int = 0) -> None:
    """Check one password again and again."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(computing)]
    try:
        print(rate(threads, niceness, seconds))
    finally:
        for one in busy:
            one.kill()
            one.wait()


def rate(threads: int, niceness: int, seconds: float) -> float:
    """Hashes a second."""
    hasher = Hasher(compute=NiceThread("argon2", niceness))
    phc = hasher.hash(PASSWORD)
    counts = [0] * threads
    deadline = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < deadline:
            assert hasher.verify(phc, PASSWORD)
            counts[number] += 1

    begun = time.perf_counter()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - begun)


def hashes_alone(*, threads: int, niceness: int, seconds: float, computing: int = 0) -> float:
    """The same in a process of its own session, as a server is: Linux shares the processors by session."""
    command = [sys.executable, "-m", __name__, *map(str, (threads, niceness, seconds, computing))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=True)
    return float(done.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), *map(int, sys.argv[4:]))
