"""Encryption at rest: a sealed value opens in its own place, unaltered, and nowhere else."""

from __future__ import annotations

import base64
import json

import pytest

from jupyter_totp_auth.core import sealing
from jupyter_totp_auth.core.sealing import (
    BadKeyring,
    Keyring,
    Purpose,
    SealBroken,
    Sealer,
    key_id,
    new_mac_root,
)

PLAIN = b"twenty bytes secret!"
KEYRING = Keyring.generate()
ROOT = new_mac_root()


def sealer(keyring: Keyring = KEYRING, instance: str = "instance", root: bytes = ROOT) -> Sealer:
    return Sealer(lambda: keyring, instance, mac_root=root)


SEALER = sealer()
PURPOSE = Purpose.TOTP_SECRET


def seal(by: Sealer = SEALER) -> bytes:
    return by.seal(PLAIN, PURPOSE, account="alice", item="phone")


def open_(sealed: bytes, by: Sealer = SEALER) -> bytes:
    return by.open(sealed, PURPOSE, account="alice", item="phone")


# -- sealed values ---------------------------------------------------------------------------------


def test_what_is_sealed_opens_in_its_place() -> None:
    assert open_(seal()) == PLAIN


def test_the_plain_bytes_are_not_in_the_sealed_ones() -> None:
    assert PLAIN not in seal()


def test_no_two_seals_are_the_same() -> None:
    sealed = [seal() for _ in range(200)]
    assert len({one[5:17] for one in sealed}) == 200, "nonces"
    assert len(set(sealed)) == 200


def test_an_empty_value_can_be_sealed() -> None:
    sealed = SEALER.seal(b"", PURPOSE, account="alice", item="phone")
    assert open_(sealed) == b""


@pytest.mark.parametrize(
    ("purpose", "account", "item"),
    [
        (Purpose.TOTP_SECRET, "bob", "phone"),
        (Purpose.TOTP_SECRET, "alice", "tablet"),
        (Purpose.PASSWORD_HASH, "alice", "phone"),
        (Purpose.TOTP_SECRET, "phone", "alice"),
        (Purpose.TOTP_SECRET, "alicep", "hone"),
        (Purpose.TOTP_SECRET, "", "alicephone"),
    ],
)
def test_a_moved_value_does_not_open(purpose: Purpose, account: str, item: str) -> None:
    with pytest.raises(SealBroken, match="altered, or moved"):
        SEALER.open(seal(), purpose, account=account, item=item)


def test_a_value_of_another_installation_does_not_open() -> None:
    with pytest.raises(SealBroken):
        open_(seal(), sealer(instance="another instance"))


def test_each_purpose_has_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # Even where the bound text were the same for all.
    monkeypatch.setattr(Sealer, "_bound", lambda *_: b"")
    with pytest.raises(SealBroken):
        SEALER.open(seal(), Purpose.PASSWORD_HASH, account="alice", item="phone")


def test_a_value_with_any_bit_flipped_does_not_open() -> None:
    sealed = seal()
    for position in range(len(sealed)):
        for bit in range(8):
            flipped = bytearray(sealed)
            flipped[position] ^= 1 << bit
            with pytest.raises(SealBroken):
                open_(bytes(flipped))


def test_a_value_cut_anywhere_does_not_open() -> None:
    sealed = seal()
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            open_(sealed[:length])
    with pytest.raises(SealBroken):
        open_(sealed + b"\0")


@pytest.mark.parametrize("sealed", [b"", b"sha1:abc", b"$argon2id$v=19$m=8,t=1,p=1$abc$def"])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken, match="unknown format"):
        open_(sealed)


def test_a_value_under_a_key_that_is_gone_says_so() -> None:
    with pytest.raises(SealBroken, match="not in the keyring"):
        open_(seal(), sealer(Keyring.generate()))


def test_a_broken_seal_tells_neither_key_nor_value() -> None:
    with pytest.raises(SealBroken) as broken:
        open_(seal()[:-1] + b"\0\0")
    assert str(broken.value) == "totp-secret: altered, or moved from its place"
    assert broken.value.__cause__ is None


# -- keys ------------------------------------------------------------------------------------------


def test_after_a_rotation_old_values_open_and_new_ones_are_under_the_new_key() -> None:
    old, after = seal(), sealer(KEYRING.rotated())
    assert open_(old, after) == PLAIN
    assert key_id(old) == KEYRING.primary != key_id(seal(after))
    new = seal(after)
    assert open_(new, after) == PLAIN
    with pytest.raises(SealBroken, match="not in the keyring"):
        open_(new)


def test_a_sealer_asks_for_the_keyring_each_time() -> None:
    rings = [KEYRING]
    running = Sealer(lambda: rings[-1], "instance", mac_root=ROOT)
    mac = running.mac(Purpose.RECOVERY_CODE, "alice", "CODE")
    rings.append(KEYRING.rotated())
    assert key_id(seal(running)) == rings[-1].primary
    assert open_(seal(), running) == PLAIN
    assert running.mac(Purpose.RECOVERY_CODE, "alice", "CODE") == mac
    rings.append(rings[-1].pruned())
    with pytest.raises(SealBroken, match="not in the keyring"):
        open_(seal(), running)


def test_a_rotation_adds_one_key_and_pruning_leaves_only_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Keyring.generate()
    drawn = iter([KEYRING, fresh])  # the first has an id that is taken
    monkeypatch.setattr(Keyring, "generate", lambda: next(drawn))
    after = KEYRING.rotated()
    assert after == Keyring(fresh.primary, {**KEYRING.keys, **fresh.keys})
    assert after.pruned() == fresh


def test_a_new_keyring_has_one_key_of_256_bits() -> None:
    keyring = Keyring.generate()
    assert {len(key) for key in keyring.keys.values()} == {32}
    assert list(keyring.keys) == [keyring.primary]
    assert len(keyring.primary) == 4
    assert Keyring.generate().keys != keyring.keys


def test_a_keyring_is_read_from_what_it_wrote() -> None:
    for keyring in (KEYRING, KEYRING.rotated()):
        assert Keyring.parse(keyring.text()) == keyring


def test_a_keyring_has_no_repr_of_its_keys() -> None:
    (key,) = KEYRING.keys.values()
    assert repr(key) not in repr(KEYRING)
    assert key.hex() not in repr(KEYRING)


def keyring_text(primary: object, keys: object) -> str:
    return json.dumps({"version": 1, "primary": primary, "keys": keys})


KEY = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json SECRET",
        "null",
        "[]",
        "{}",
        '"SECRET"',
        keyring_text("00000000", None),
        keyring_text("00000000", []),
        keyring_text("00000000", {}),
        keyring_text("00000000", {"00000001": KEY}),
        keyring_text("00000000", {"00000000": KEY[4:]}),
        keyring_text("0000", {"0000": KEY}),
        keyring_text("SECRET", {"00000000": KEY}),
        keyring_text("00000000", {"SECRET": KEY}),
        keyring_text("00000000", {"00000000": "SECRET"}),
        keyring_text("00000000", {"00000000": None}),
        keyring_text("00000000", {"00000000": "é"}),
        keyring_text(None, {"00000000": KEY}),
    ],
)
def test_what_is_no_keyring_is_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(BadKeyring) as bad:
        Keyring.parse(text)
    assert "SECRET" not in str(bad.value)
    assert bad.value.__cause__ is None


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_keyring_of_another_version_is_refused(version: object) -> None:
    text = json.dumps({**json.loads(KEYRING.text()), "version": version})
    with pytest.raises(BadKeyring, match="another version"):
        Keyring.parse(text)


SOUND = {
    "version": 1,
    "primary": "01020304",
    "keys": {"01020304": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"keys": None}, "this is not a keyring of jupyter-totp-auth"),
        ({"version": 2}, "this keyring is of another version of jupyter-totp-auth"),
        ({"primary": "00000000"}, "this keyring is damaged"),
        ({"keys": {"0102": SOUND["keys"]["01020304"]}, "primary": "0102"}, "this keyring is damaged"),  # type: ignore[index]
        ({"keys": {"01020304": "AAEC"}}, "this keyring is damaged"),
    ],
)
def test_a_keyring_is_refused_in_these_words(change: dict[str, object], words: str) -> None:
    with pytest.raises(BadKeyring) as bad:
        Keyring.parse(json.dumps({**SOUND, **change}))
    assert str(bad.value) == words


def test_the_text_of_a_keyring_is_json_for_people_too() -> None:
    assert Keyring.parse(json.dumps(SOUND)).text() == (
        '{\n "version": 1,\n "primary": "01020304",\n "keys": {\n'
        '  "01020304": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="\n }\n}\n'
    )


# -- macs ------------------------------------------------------------------------------------------


def test_a_mac_is_32_bytes_and_always_the_same() -> None:
    mac = SEALER.mac(Purpose.THROTTLE, "password", "alice")
    assert len(mac) == 32
    assert mac == sealer().mac(Purpose.THROTTLE, "password", "alice")


def test_macs_differ_by_purpose_parts_and_root() -> None:
    macs = {
        SEALER.mac(Purpose.THROTTLE, "password", "alice"),
        SEALER.mac(Purpose.RECOVERY_CODE, "password", "alice"),
        SEALER.mac(Purpose.THROTTLE, "password", "bob"),
        SEALER.mac(Purpose.THROTTLE, "passworda", "lice"),
        SEALER.mac(Purpose.THROTTLE, "passwordalice"),
        SEALER.mac(Purpose.THROTTLE, "password", "alice", ""),
        sealer(root=new_mac_root()).mac(Purpose.THROTTLE, "password", "alice"),
    }
    assert len(macs) == 7


def test_text_and_its_bytes_give_one_mac() -> None:
    assert SEALER.mac(Purpose.THROTTLE, "alice") == SEALER.mac(Purpose.THROTTLE, b"alice")


def test_a_new_root_is_256_random_bits() -> None:
    assert len({new_mac_root() for _ in range(50)}) == 50
    assert len(new_mac_root()) == 32


def test_a_mac_under_a_key_as_the_root_is_what_version_1_stored() -> None:
    # A store of schema 0001 has digests under its first key; that key becomes its root.
    root = bytes(range(32))
    assert sealer(root=root).mac(Purpose.RECOVERY_CODE, "alice", "CODE").hex() == FIRST_MAC


def test_the_strings_that_keys_are_derived_from_are_never_renamed() -> None:
    # Another word is another key: what was sealed or found by it would be lost.
    assert {purpose.value for purpose in Purpose} == {
        "totp-secret",
        "password-hash",
        "key-check",
        "mac-root",
        "recovery-code",
        "throttle",
        "xsrf",
    }


def test_a_value_sealed_by_the_first_version_still_opens() -> None:
    first = sealer(Keyring(b"\1\2\3\4", {b"\1\2\3\4": bytes(range(32))}))
    sealed = bytes.fromhex(FIRST_VERSION)
    assert first.open(sealed, PURPOSE, account="alice", item="phone") == PLAIN
    assert sealed[0] == sealing._VERSION


FIRST_VERSION = (
    "01010203040d9c8581f8147df4c291a84ff850ba4c018f3d66d5ccf9e2b8eb0650"
    "0c7400663aa3a73de2c0efabe1e15dab85b897fb"
)

FIRST_MAC = "9884dac7a4770824344a504671530990f555600a23ccb684aa7f234dc3ffd864"
