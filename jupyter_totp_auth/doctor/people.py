"""Accounts as they stand: who can get in, who can help, and what nobody uses any more."""

from __future__ import annotations

from ..core.policy import DAY
from ..store.inspection import Person
from .finding import Verdict, check, green, red, yellow
from .subject import Subject

_FEW_CODES = 3
_ASLEEP = 90 * DAY
_LONG = 180 * DAY
_LONG_LINK = 2 * DAY


@check(
    "nobody-enrolled",
    about="nobody can log in yet",
    why="Whoever gets the set-up link of the next start becomes the administrator.",
)
def _nobody(subject: Subject) -> Verdict:
    if not _active(subject):
        return yellow("Nobody is enrolled.", "jupyter totp adduser NAME --admin --here")
    return green("Somebody is enrolled.")


@check(
    "administrators",
    about="no administrator (red where there are people), or one alone",
    why="Where the only one loses the phone, only this machine's operator can help, by jupyter totp reset.",
)
def _administrators(subject: Subject) -> Verdict:
    people = _active(subject)
    admins = [person.username for person in people if person.is_admin]
    if people and not admins:
        return red("There is no administrator.", f"jupyter totp role {people[0].username} admin")
    if len(people) > 1 and len(admins) == 1:
        return yellow(f"There is one administrator: {admins[0]}.", "jupyter totp role NAME admin")
    return green("Somebody can help people who lost a phone.")


@check(
    "recovery-codes",
    about="people with fewer than 3 recovery codes left",
    why="Without them a lost phone means that somebody has to help.",
)
def _codes(subject: Subject) -> Verdict:
    few = [f"{p.username} ({p.recovery_codes})" for p in _active(subject) if p.recovery_codes < _FEW_CODES]
    if few:
        return yellow(
            f"Few recovery codes left: {', '.join(few)}.", "# they make new ones on the page account"
        )
    return green("Everybody has recovery codes.")


@check(
    "sleeping-accounts",
    about="people who have not logged in for 90 days",
    why="An account that nobody watches is one whose password nobody misses.",
)
def _sleeping(subject: Subject) -> Verdict:
    before = subject.at - _ASLEEP
    old_enough = subject.current_store.created_at < before
    asleep = [p.username for p in _active(subject) if (p.last_seen_at or 0) < before] if old_enough else []
    if asleep:
        return yellow(f"Not seen for 90 days: {', '.join(asleep)}.", f"jupyter totp disable {asleep[0]}")
    return green("Everybody who can log in does.")


@check(
    "open-links",
    about="enrollment links that are good for more than two days",
    why="Whoever finds one in a mailbox enrolls a phone of their own.",
)
def _links(subject: Subject) -> Verdict:
    long = [until for until in subject.current_store.links if until > subject.at + _LONG_LINK]
    if long:
        line = "jupyter totp reset NAME  (the old link ends)"
        return yellow(f"Enrollment links that are good for more than two days: {len(long)}.", line)
    return green("No enrollment link is good for long.")


@check(
    "access-tokens",
    about="access tokens that are not used, or good for half a year",
    why="Each opens the server with one factor, from wherever it was written down.",
)
def _tokens(subject: Subject) -> Verdict:
    at = subject.at
    good = [token for token in subject.current_store.tokens if token.expires_at > at]
    long = {t.username for t in good if t.expires_at > at + _LONG}
    unused = {t.username for t in good if (t.last_used_at or t.created_at) < at - _ASLEEP}
    if long | unused:
        names = sorted(long | unused)
        line = f"jupyter totp tokens {names[0]}  (then --revoke ID)"
        return yellow(f"Access tokens that last long, or that nobody uses: {', '.join(names)}.", line)
    return green("No access token is good for half a year, or unused.")


def _active(subject: Subject) -> list[Person]:
    return [
        person
        for person in subject.current_store.people
        if person.enrolled and not person.disabled and (person.expires_at or subject.at + 1) > subject.at
    ]


CHECKS = (_nobody, _administrators, _codes, _sleeping, _links, _tokens)
