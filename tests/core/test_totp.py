"""RFC 6238: the codes, the window, the rising counter, and what counts as six digits."""

from __future__ import annotations

import base64
import secrets
import time
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from jupyter_totp_auth.core import totp
from tests.vectors import rfc4226, rfc6238

SECRET = rfc6238.SECRET


def other_implementation(secret: bytes, at: int) -> str:
    return TOTP(secret, 6, SHA1(), totp.STEP).generate(at).decode()  # noqa: S303 - RFC 6238's own


NOW = 1_800_000_000
STEP = totp.step_at(NOW)


def verify(digits: str, *, at: int = NOW, last_step: int = -1, window: int = 1) -> int | None:
    return totp.verify(SECRET, digits, at=at, last_step=last_step, window=window)


# -- the codes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "step", "eight_digits"), rfc6238.SHA1)
def test_the_codes_are_those_of_rfc_6238(at: int, step: int, eight_digits: str) -> None:
    assert totp.step_at(at) == step
    assert totp.code(SECRET, step) == eight_digits[-6:]


@pytest.mark.parametrize(("counter", "digits"), list(enumerate(rfc4226.HOTP)))
def test_the_codes_are_those_of_rfc_4226(counter: int, digits: str) -> None:
    assert totp.code(rfc4226.SECRET, counter) == digits


def test_the_codes_are_those_of_another_implementation() -> None:
    for _ in range(200):
        secret, at = totp.new_secret(), secrets.randbelow(2**34)
        assert totp.code(secret, totp.step_at(at)) == other_implementation(secret, at)


def test_leading_zeros_are_part_of_a_code() -> None:
    step = next(step for step in range(1000) if totp.code(SECRET, step).startswith("0"))
    digits = totp.code(SECRET, step)
    assert len(digits) == 6
    assert verify(digits, at=step * 30) == step
    assert verify(str(int(digits)), at=step * 30) is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_no_time_zone_moves_a_code(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # 2026-10-25: the repeated hour, once with each offset (pyotp 2.10 was 3600 s off in the first).
    folds = (1792886400 + 1800, 1792886400 + 5400)
    expected = [other_implementation(SECRET, at) for at in folds]
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        found = [totp.code(SECRET, totp.step_at(at)) for at in folds]
    time.tzset()
    assert found == expected


def test_a_step_is_thirty_seconds_from_the_epoch() -> None:
    assert [totp.step_at(at) for at in (0, 29, 30, 59, 60)] == [0, 0, 1, 1, 2]
    assert totp.step_at(2**33 * 30) == 2**33


# -- the window ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "accepted"),
    [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (2, False), (3, False)],
)
def test_only_the_step_of_now_and_its_neighbours_open(distance: int, accepted: bool) -> None:
    found = verify(totp.code(SECRET, STEP + distance))
    assert found == (STEP + distance if accepted else None)


@pytest.mark.parametrize(
    ("at", "accepted"),
    [
        ((STEP - 1) * 30 - 1, False),
        ((STEP - 1) * 30, True),
        ((STEP + 2) * 30 - 1, True),
        ((STEP + 2) * 30, False),
    ],
)
def test_the_window_ends_to_the_second(at: int, accepted: bool) -> None:
    assert (verify(totp.code(SECRET, STEP), at=at) is not None) is accepted


def test_a_window_of_none_leaves_the_step_of_now() -> None:
    assert verify(totp.code(SECRET, STEP), window=0) == STEP
    assert verify(totp.code(SECRET, STEP - 1), window=0) is None


def test_the_first_seconds_of_the_epoch_have_no_step_before_them() -> None:
    assert verify(totp.code(SECRET, 0), at=0) == 0
    assert totp.find_drift(SECRET, totp.code(SECRET, 2), at=0, window=1, reach=10) == 60


def test_all_steps_of_the_window_are_always_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = totp.code(SECRET, STEP - 1)
    computed = []
    compute = totp.code
    monkeypatch.setattr(totp, "code", lambda secret, step: (computed.append(step), compute(secret, step))[1])
    for digits in (right, "no one"):
        computed.clear()
        verify(digits)
        assert computed == [STEP - 1, STEP, STEP + 1]


# -- used once -------------------------------------------------------------------------------------


def test_a_step_that_was_used_does_not_open_again() -> None:
    assert verify(totp.code(SECRET, STEP), last_step=STEP) is None
    assert verify(totp.code(SECRET, STEP), last_step=STEP - 1) == STEP


def test_a_step_before_the_used_one_does_not_open_either() -> None:
    assert verify(totp.code(SECRET, STEP - 1), last_step=STEP) is None
    assert verify(totp.code(SECRET, STEP), last_step=STEP + 1) is None


def test_codes_in_any_order_within_the_window_open_at_most_rising() -> None:
    last, opened = -1, []
    for distance in (-1, 0, -1, 0, 1, 0, 1, -1):
        found = verify(totp.code(SECRET, STEP + distance), last_step=last)
        if found is not None:
            last = found
            opened.append(distance)
    assert opened == [-1, 0, 1]


def test_a_code_that_two_steps_share_is_taken_for_the_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The earlier one would leave the same digits good for a second login.
    monkeypatch.setattr(totp, "code", lambda *_: "123456")
    assert verify("123456") == STEP + 1
    assert verify("123456", last_step=STEP + 1) is None


def test_a_replay_is_told_from_a_guess() -> None:
    def is_spent(digits: str, last_step: int) -> bool:
        return totp.is_spent(SECRET, digits, at=NOW, last_step=last_step, window=1)

    right = totp.code(SECRET, STEP)
    assert is_spent(right, STEP)
    assert is_spent(right, STEP + 1)
    assert not is_spent(right, STEP - 1)
    assert not is_spent(totp.code(SECRET, STEP + 5), STEP)
    assert not totp.is_spent(SECRET, "000000", at=0, last_step=5, window=1)


# -- drift -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "drift"),
    [
        (-11, None),
        (-10, -300),
        (-2, -60),
        (-1, None),
        (0, None),
        (1, None),
        (2, 60),
        (10, 300),
        (11, None),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(distance: int, drift: int | None) -> None:
    digits = totp.code(SECRET, STEP + distance)
    assert totp.find_drift(SECRET, digits, at=NOW, window=1, reach=10) == drift


# -- what a person types ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["123456", "123 456", " 123456 ", "1 2 3 4 5 6", "123\t456", "123456\r\n", "\v123456\f"],
)
def test_ascii_blanks_in_a_code_do_not_count(typed: str) -> None:
    assert totp.read(typed) == "123456"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "1234567",
        "123-456",
        "12345a",
        "+12345",
        "-12345",
        "1_2345",
        "0x1e24",
        "1e5",
        "123.456",
        "123456\0",
        "123\u00a0456",  # no-break space
        "123\u200b456",  # zero-width space
        "123456\u2028",
        "\ufeff123456",
        "１２３４５６",  # noqa: RUF001 - full-width
        "١٢٣٤٥٦",  # Arabic-Indic
        "१२३४५६",  # Devanagari
        "¹²³⁴⁵⁶",  # superscript
        "12345６",  # noqa: RUF001
        "\ud800",
    ],
)
def test_nothing_but_six_ascii_digits_is_a_code(typed: str) -> None:
    assert totp.read(typed) is None


# -- the phone's side ------------------------------------------------------------------------------


def test_a_secret_has_160_bits_and_is_never_the_same() -> None:
    drawn = [totp.new_secret() for _ in range(1000)]
    assert {len(secret) for secret in drawn} == {20}
    assert len(set(drawn)) == 1000
    ones = sum(int.from_bytes(secret, "big").bit_count() for secret in drawn)
    assert abs(ones - 80_000) < 6 * 200, "monobit, six standard deviations"


def test_the_text_key_is_base32_without_padding() -> None:
    for length in range(1, 41):
        secret = bytes(range(length))
        text = totp.to_base32(secret)
        assert "=" not in text
        assert base64.b32decode(text + "=" * (-len(text) % 8)) == secret


def test_the_uri_says_whom_and_where_it_is_for() -> None:
    parts = urlsplit(totp.uri(SECRET, username="alice", issuer="Jupyter"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Jupyter:alice"
    assert parse_qs(parts.query) == {"secret": [totp.to_base32(SECRET)], "issuer": ["Jupyter"]}


def test_a_phone_that_reads_the_uri_shows_our_codes() -> None:
    phone = pyotp.parse_uri(totp.uri(SECRET, username="a.b-c_d", issuer="Lab & Söhne/2 100%"))
    assert isinstance(phone, pyotp.TOTP)
    assert (phone.name, phone.issuer) == ("a.b-c_d", "Lab & Söhne/2 100%")
    assert phone.at(NOW) == totp.code(SECRET, STEP)


def test_a_colon_in_the_issuer_does_not_move_the_label() -> None:
    parts = urlsplit(totp.uri(SECRET, username="alice", issuer="a:b:c"))
    assert unquote(parts.path) == "/a b c:alice"


def test_a_uri_without_the_user_name_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyotp.TOTP, "provisioning_uri", lambda *_, **__: "otpauth://totp/x")
    with pytest.raises(ValueError, match=r"^the enrollment URI lost the user name$"):
        totp.uri(SECRET, username="alice", issuer="Jupyter")
