"""The doctor's walk to a proxy of a test's own making."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.doctor.finding import Blocked, Check, Finding
from jupyter_totp_auth.doctor.run import examined
from jupyter_totp_auth.doctor.subject import Subject
from jupyter_totp_auth.doctor.walk.address import Address
from jupyter_totp_auth.doctor.walk.run import CHECKS, walked
from jupyter_totp_auth.doctor.walk.visit import Visit
from jupyter_totp_auth.hosting import Deployment
from jupyter_totp_auth.store.issuing import probes
from jupyter_totp_auth.wiring import system_clock
from tests.hosting.outside import House


@dataclass(frozen=True)
class Walk:
    """A walk, check by check or as a whole."""

    visit: Visit

    def says(self, slug: str) -> Finding:
        """What one check finds, with nothing else looked at; Blocked by another is an AssertionError."""
        (check,) = [check for check in CHECKS if check.id == slug]
        try:
            return check.finding(examined(check, self.visit))
        except Blocked as blocked:
            raise AssertionError(f"{slug} is blocked by {blocked}") from None

    def everything(self) -> dict[str, Finding]:
        """All findings, by their checks."""
        return {finding.id: finding for finding in walked(self.visit)}


@contextmanager
def walking(house: House, deployment: Deployment, *, at: int = 0, **changed: Any) -> Iterator[Walk]:
    """From this machine to the proxy of a deployment, with the house's own configuration and store.

    ``at``: seconds by which this machine's clock is wrong. ``changed``: of the address.
    """
    address = Address.parse(deployment.public_url)
    address = replace(address, **{"http_port": deployment.http_port, **changed})
    idle = 0
    with pytest.MonkeyPatch.context() as patch:
        for name, value in house.stage.server.env.items():
            if name.startswith("JUPYTER"):
                patch.setenv(name, value)
        subject = Subject(system_clock() + at)
        with probes(subject.places) as issue:
            yield Walk(Visit(subject, address, lambda: issue(subject.at - at), idle))


@contextmanager
def trusting(certificate: Path) -> Iterator[None]:
    """This machine knows who has signed the proxy's certificate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        yield


__all__ = ["Check", "Walk", "trusting", "walking"]
