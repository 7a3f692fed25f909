"""What reads text from strangers, and what must hold for each whatever the text is.

One function a reader: it takes bytes, as they came over the wire, and fails where the property does not hold.
``python -m tests.fuzz`` hands it what atheris makes up; test_readers.py what a die makes of the seeds. A
finding becomes a seed here.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import socket
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine

from jupyter_totp_auth.core import access_tokens, bearer, names, recovery, totp
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.web import account_api, fields, hosts
from jupyter_totp_auth.web.asking import ApiError
from jupyter_totp_auth.web.client_address import ClientAddresses, parse_hop
from jupyter_totp_auth.web.cookies import Cookie, Cookies
from jupyter_totp_auth.web.hosts import Hosts
from jupyter_totp_auth.web.next_url import safe_next, without_secrets
from jupyter_totp_auth.web.tokens import TokenPlaces
from jupyter_totp_auth.wiring import iso

BASES = ("/", "/team/hub/")
TOKEN = "jta_" + "0" * 40 + "0wgiMr"
"""Not of anybody: only its form is right."""


@dataclass(frozen=True)
class Reader:
    """One reader: its property, and texts to begin with."""

    name: str
    check: Callable[[bytes], None]
    seeds: Sequence[bytes]


def request(
    headers: Sequence[tuple[str, str]], uri: str = "/", context: Any = None
) -> HTTPServerRequest | None:
    """A request with these headers, or None for what tornado itself turns away."""
    given = HTTPHeaders()
    if not any(name == "Host" for name, _ in headers):
        given.add("Host", "lab.example")
    try:
        for name, value in headers:
            given.add(name, value)
        connection: Any = SimpleNamespace(context=context or SimpleNamespace(remote_ip="192.0.2.1"))
        line = RequestStartLine("GET", uri, "HTTP/1.1")
        return HTTPServerRequest(start_line=line, headers=given, connection=connection)
    except (HTTPInputError, ValueError):
        return None


# -- next --------------------------------------------------------------------------------------------


def next_url(data: bytes) -> None:
    """The result is on this server and below base_url however a browser resolves it, visible ASCII, without
    a token; judged again it is the same, or dropped; a path of the gate's redirect loses its token."""
    base, text = BASES[data[:1] > b"\x7f"], data[1:].decode("utf-8", "replace")
    result = safe_next(text, base)
    assert re.fullmatch(r"/(?![/\\])[!-\[\]-~]*|/", result), result
    path, _, query = result.partition("?")
    dots = [unquote(part) for part in path.split("/")]
    assert ".." not in dots
    assert "." not in dots
    assert f"{path}/".startswith(base), result
    assert not any(name == "token" for name, _ in parse_qsl(query, keep_blank_values=True)), result
    assert not holds_token(result)
    assert safe_next(result, base) in (result, base)
    shown = urlencode({"next": without_secrets(f"/{text}", text)})
    assert re.fullmatch(r"[!-~]*", shown)
    assert not holds_token(shown)


def holds_token(text: str) -> bool:
    """Whether any 50 characters in a row are an access token."""
    starts = (found.start() for found in re.finditer("jta_", text))
    return any(access_tokens.digest(text[start : start + 50]) for start in starts)


# -- the client's address -------------------------------------------------------------------------------

PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
PEERS = ("10.1.1.1", "9.9.9.9", "fd00::1", "2001:db8::1", "::ffff:10.1.1.1", "unix")


def client_address(data: bytes) -> None:
    """A stranger's headers count for nothing. A proxy's name an address in its shortest form that is no
    proxy's, unless all are; and nothing left of the first hop that is none is believed."""
    chosen, text = PEERS[data[0] % len(PEERS) if data else 0], data[1:].decode("latin-1")
    hops, _, proto = text.partition("\x00")
    context = SimpleNamespace(
        address_family=socket.AF_UNIX if chosen == "unix" else socket.AF_INET6,
        address=(chosen, 1),
        protocol="http",
        remote_ip="192.0.2.1",
    )
    one = request([("X-Forwarded-For", line) for line in hops.split("\n")], context=context)
    if one is None:
        return
    with suppress(HTTPInputError):
        one.headers.add("X-Forwarded-Proto", proto)
    for trust_unix in (False, True):
        addresses = ClientAddresses(PROXIES, trust_unix=trust_unix, log=logging.getLogger("tests.fuzz"))
        peer = addresses.resolve(one)
        expected = reference_address(chosen, hops.replace("\n", ","), trust_unix)
        assert peer.address == expected, (peer, expected)
        if not is_proxy(chosen, trust_unix):
            assert not peer.secure
    for hop in hops.split(","):
        address = parse_hop(hop)
        assert address is None or parse_hop(str(address)) == address


def is_proxy(text: str, trust_unix: bool) -> bool:
    """Whether the hop may speak for others."""
    if text == "unix":
        return trust_unix
    address = ipaddress.ip_address(text.removeprefix("::ffff:"))
    return any(address.version == network.version and address in network for network in PROXIES)


def reference_address(peer: str, hops: str, trust_unix: bool) -> str:
    """The same, said the long way round."""
    known = peer.removeprefix("::ffff:")
    for hop in reversed(hops.split(",")[-32:]):
        if not is_proxy(known, trust_unix):
            break
        address = parse_hop(hop)
        if address is None:
            break
        known = str(address)
    return known


# -- cookies --------------------------------------------------------------------------------------------


def cookies(data: bytes) -> None:
    """What is read stands in the header under the very name; over https a bare name is not read; and only
    what has a bearer's form is looked up, under one kind alone."""
    text = data.decode("latin-1")
    one = request([("Cookie", text)])
    if one is None:
        return
    ours = Cookies("/", port=lambda: "8888")
    for cookie in Cookie:
        for secure in (False, True):
            value = ours.read(one, cookie, secure=secure)
            if value is None:
                continue
            assert ours.name(cookie, secure=secure) in text
            assert not secure or "__Host-" in text
            digests = {bearer.digest(kind, value) for kind in Kind}
            if re.fullmatch(r"[A-Za-z0-9_-]{43}", value, re.ASCII):
                assert len(digests) == len(Kind)
                assert value in text or "\\" in text
            else:
                assert digests == {None}


# -- access tokens --------------------------------------------------------------------------------------


def access_token(data: bytes) -> None:
    """A token is taken by form and checksum alone, from Authorization or, in a WebSocket's URL, from the
    query; and a text made fit for logs holds none."""
    text = data.decode("utf-8", "replace")
    found = access_tokens.digest(text)
    assert (found is not None) == is_token(text)
    assert not holds_token(access_tokens.blanked(text))
    line = data.decode("latin-1").partition("\n")[0]
    one = request([("Authorization", line)])
    places = TokenPlaces("/", "websocket")
    if one is not None and places.digest(one) is not None:
        scheme, _, rest = line.strip().partition(" ")
        assert scheme.lower() in ("token", "bearer")
        assert is_token(rest.strip())
    in_url = request(
        [("Upgrade", "websocket"), ("Connection", "Upgrade")], uri=f"/x?{quote(line, safe='=&%+;')}"
    )
    if in_url is not None:
        places.digest(in_url)
        assert TokenPlaces("/", "never").digest(in_url) is None
        places.misplaced(in_url)


def is_token(text: str) -> bool:
    """GitHub's form: 40 of base62 behind the prefix, then the CRC32 of all that in base62."""
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    if len(text) != 50 or not text.startswith("jta_") or set(text[4:]) - set(letters):
        return False
    number = 0
    for letter in text[44:]:
        number = number * 62 + letters.index(letter)
    return number == zlib.crc32(text[:44].encode())


# -- JSON bodies ----------------------------------------------------------------------------------------


def json_body(data: bytes) -> None:
    """An object, or 400. What was taken has only numbers that JSON knows, says the same when it is written
    and read once more, and each field is of its type or 400."""
    document = or_400(account_api._parse, data)
    if document is None:
        return
    assert isinstance(document, dict)
    assert json.loads(data) == document
    assert account_api._parse(json.dumps(document, allow_nan=False).encode()) == document
    for name in document:
        for read in (fields.string, fields.flag, fields.time_or_never):
            value = or_400(read, document, name)
            if value is None:
                continue
            if read is fields.time_or_never:
                assert iso(value) == document[name]
            else:
                assert value is document[name]
                assert isinstance(value, bool) or value.encode().decode() == value


def or_400(read: Callable[..., Any], *arguments: Any) -> Any:
    """What it reads, or None where it refuses as the contract says."""
    try:
        return read(*arguments)
    except ApiError as error:
        if error.status_code != 400:
            raise AssertionError from error
        return None


# -- names ----------------------------------------------------------------------------------------------


def user_name(data: bytes) -> None:
    """Whatever folds into a name is that name in ASCII, but for case and outer blanks; a label is one
    visible line that stays as it is when it is read again."""
    typed = data.decode("utf-8", "replace")
    folded = names.fold(typed)
    assert names.fold(folded) == folded
    if names.is_name(folded):
        assert typed.isascii()
        assert typed.strip(" \t\r\n\f\v").lower() == folded
        assert re.fullmatch(r"(?!.*\.$)[a-z0-9][a-z0-9._-]{0,63}", folded)
    label = names.read_label(typed)
    if label is not None:
        assert 1 <= len(label) <= 64
        assert names.read_label(label) == label
        assert not any(unicodedata.category(letter)[0] == "C" for letter in label)
        assert label.splitlines() == [label]


# -- codes ----------------------------------------------------------------------------------------------


def codes(data: bytes) -> None:
    """Six ASCII digits with ASCII blanks; or 24 of Crockford's letters with what people do to them. Nothing
    is both, and what was read is read again as the same."""
    typed = data.decode("utf-8", "replace")
    digits, code = totp.read(typed), recovery.read(typed)
    assert digits is None or code is None
    if digits is not None:
        assert [letter for letter in typed if letter not in " \t\r\n\f\v"] == list(digits)
        assert re.fullmatch("[0-9]{6}", digits, re.ASCII)
        assert totp.read(digits) == digits
    if code is not None:
        assert typed.isascii()
        assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{24}", code)
        assert recovery.read(recovery.show(code)) == code
        kept = [letter for letter in typed.upper() if letter.isalnum()]
        assert "".join(kept).translate(str.maketrans("OIL", "011")) == code


# -- host names -----------------------------------------------------------------------------------------


def host(data: bytes) -> None:
    """A Host is ours by its whole name; and an Origin is ours where a second parser finds the very host and
    port in it. Neither holds anything that could end a name in a URL."""
    first, _, second = data.decode("latin-1").partition("\n")
    named = Hosts(["lab.example", "*.team.example", "only.example:8443"])
    if named.allows(first):
        name = first.lower().rpartition(":")[0] if re.search(r":[0-9]{1,5}$", first) else first.lower()
        name = name.rstrip(".")
        own = name in ("lab.example", "only.example") or name.endswith((".team.example", "localhost"))
        assert own or ipaddress.ip_address(name.strip("[]")).is_loopback, first
        assert not set(name) & set("/\\@#?&=<>\"' \t\r\n\x00"), first
        assert name != "only.example" or first.endswith(":8443")
    one = request([("Host", first), ("Origin", second)])
    if one is None or not hosts.is_own_origin(one, second):
        return
    parts = urlsplit(second.strip())
    assert parts.scheme in ("http", "https")
    ports = {"http": 80, "https": 443}
    theirs = parts.hostname, parts.port or ports[parts.scheme]
    mine = urlsplit(f"{parts.scheme}://{first.strip()}")
    assert theirs == (mine.hostname, mine.port or ports[parts.scheme]), (first, second)


READERS = [
    Reader(
        "next",
        next_url,
        [
            b"\0/lab",
            b"\xff/team/hub/lab?file=/x&token=" + TOKEN.encode(),
            b"\0//evil.example",
            b"\0/\\evil.example",
            b"\0/%2e%2e//evil.example",
            b"\0/lab?a=%2f;b=c&token=x&d=~!$",
            b"\xff/team/hub/.%2e/x",
            b"\xff/team/hub",
            b"\0/" + TOKEN.encode(),
        ],
    ),
    Reader(
        "client_address",
        client_address,
        [
            b"\0001.1.1.1, 10.2.2.2",
            b"\0006.6.6.6\n1.1.1.1, 10.1.1.1\x00https",
            b"\x01203.0.113.1\x00https",
            b"\x02[2001:db8::5]:4711, fd00::2",
            b"\x04::ffff:1.2.3.4",
            b"\x051.2.3.4:80,unknown,_hidden\x00http, https",
            b"\x00fe80::1%eth0",
        ],
    ),
    Reader(
        "cookies",
        cookies,
        [
            b"jupyter-totp-login-8888-8a5edab2=" + b"A" * 43,
            b"__Host-jupyter-totp-login-8888-8a5edab2=" + b"b" * 43 + b"; _xsrf=2|a|b|1",
            b'jupyter-totp-known-8888-8a5edab2="\\101\\"' + b"c" * 40 + b'"',
            b"jupyter-totp-pending-8888-8a5edab2=; ;=;a;jupyter-totp-pending-8888-8a5edab2=x",
            b'$Version="1"; jupyter-totp-enroll-8888-8a5edab2="x"; $Path="/"',
        ],
    ),
    Reader(
        "access_token",
        access_token,
        [
            TOKEN.encode(),
            b"Bearer " + TOKEN.encode(),
            b"token " + TOKEN.encode(),
            b"token=" + TOKEN.encode(),
            b"Basic " + TOKEN.encode(),
            b"jta_" + TOKEN.encode() + b"jta_",
        ],
    ),
    Reader(
        "json_body",
        json_body,
        [
            b'{"username": "ada", "password": "x", "code": "123456"}',
            b'{"a": [1, 2.5e3, true, null, {"b": "\\ud83d\\ude00"}]}',
            b'{"expires_at": "2027-01-31T18:00:00Z", "disabled": false}',
            b'{"a": 1, "a": 2}',
            b'{"a": NaN}',
            b'{"a": 1e999}',
            b'{"a": "\\ud800"}',
            b'\xef\xbb\xbf{"a": 1}',
            b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
            b'{"expires_at": "9999-12-31T23:59:60Z"}',
        ],
    ),
    Reader(
        "user_name",
        user_name,
        [
            b"ada",
            b" Ada.Lovelace-1_ ",
            b"a" * 65,
            "Åda".encode(),
            "\u212aelvin".encode(),
            b"Tablet (old)",
            b"a.",
        ],
    ),
    Reader(
        "codes",
        codes,
        [
            b"123456",
            b" 123 456\n",
            b"ABCD-EFGH-JKMN-PQRS-TVWX-YZ01",
            b"abcdefgh jkmnpqrs tvwxyzol",
            "\uff11\uff12\uff13\uff14\uff15\uff16".encode(),
            "\u0661\u0662\u0663\u0664\u0665\u0666".encode(),
        ],
    ),
    Reader(
        "host",
        host,
        [
            b"lab.example:8443\nhttps://lab.example:8443",
            b"a.team.example\nhttps://a.team.example",
            b"127.0.0.1:8888\nhttp://127.0.0.1:8888",
            b"[::1]:8888\nhttp://[::1]:8888",
            b"localhost.\nhttp://localhost.",
            b"only.example:8443\nhttps://evil.example",
            b"evil.example/.localhost\nhttp://lab.example@evil.example",
            b"lab.example\nhttp://lab.example:80",
        ],
    ),
]
