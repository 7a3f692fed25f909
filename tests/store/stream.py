"""A process that writes to a store without end, and says after each write what it was: ``python -m … URL``.

It is killed at any moment. Whatever it said must be there afterwards.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from jupyter_totp_auth.core.model import EndReason
from tests.store.crowd import Hands
from tests.store.makers import (
    AT,
    added,
    complete,
    digest,
    enrolled,
    event,
    grant,
    pended,
    session_of,
    started,
)


def say(*words: object) -> None:
    """One line, out of our hands at once."""
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


def main(url: str) -> None:
    """Log in by step and by recovery code, end, add, enroll, for ever."""
    store = Hands(url)
    while True:
        ada = enrolled(store)
        say("enrolled", ada.account.id)
        for number in range(10):
            login = session_of(ada.account)
            grant(store, pended(store, ada.account), ada.step(number + 1), login)
            say("step", ada.account.id, ada.phone.last_step + number + 1, login.digest.hex())
            recovered = session_of(ada.account)
            grant(store, pended(store, ada.account), ada.recovery_code(number), recovered)
            say("recovery", ada.account.id, ada.recovery[number].hex(), recovered.digest.hex())
            store.logins.end(ada.account.id, recovered.id, EndReason.LOGGED_OUT, event(at=AT + 1))
            say("ended", recovered.digest.hex())
            bob, code = added(store)
            say("added", bob.id)
            complete(store, started(store, code), replace(bob, enrolled=True, epoch=1), recovery=[digest()])
            say("spent", code.digest.hex())


if __name__ == "__main__":
    main(sys.argv[1])
