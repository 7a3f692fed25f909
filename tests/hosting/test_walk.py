"""The doctor from outside: a right proxy is all green; and what is wrong elsewhere than in a proxy's file."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.doctor.finding import Severity
from jupyter_totp_auth.doctor.walk import visit
from jupyter_totp_auth.doctor.walk.address import Address, BadAddress
from jupyter_totp_auth.doctor.walk.brands import Brand as Spoken
from jupyter_totp_auth.doctor.walk.lines import Fault, line_for
from jupyter_totp_auth.doctor.walk.run import CHECKS
from jupyter_totp_auth.hosting import KINDS, Upstream, render
from jupyter_totp_auth.web import probe
from tests.harness.tls import chained, self_signed
from tests.hosting import outside
from tests.hosting.outside import BRANDS, DOMAIN, HOME, Brand, House, Paper, house
from tests.hosting.walking import Walk, trusting, walking
from tests.services import missing_is_skip
from tests.services.ports import free_port

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "reference" / "doctor.md"
NGINX = BRANDS[0]
ONCE = [brand for brand in BRANDS if not brand.wstunnel]
SOON = {"outside-expiry"}
"""The tests' certificate is good for two days."""


@pytest.fixture(scope="module", autouse=True)
def known(paper: Paper) -> Iterator[None]:
    with trusting(paper.certificate):
        yield


@pytest.fixture(scope="module")
def path(houses: Callable[..., House]) -> House:
    return houses(base_url="/jupyterlab/")


def insist_on_green(walk: Walk) -> None:
    found = walk.everything()
    wrong = {slug: finding for slug, finding in found.items() if finding.severity is not Severity.GREEN}
    assert wrong.keys() == SOON, wrong
    assert list(found) == [check.id for check in CHECKS if check.id != "outside-idle"]


by_night = pytest.mark.soak


@pytest.mark.parametrize("brand", BRANDS, ids=str)
@pytest.mark.parametrize(
    ("base_url", "unix"),
    [
        ("/jupyterlab/", False),
        ("/", True),
        pytest.param("/", False, marks=by_night),
        pytest.param("/jupyterlab/", True, marks=by_night),
    ],
)
def test_behind_each_proxy_all_is_green(
    brand: Brand, base_url: str, unix: bool, houses: Callable[..., House], paper: Paper
) -> None:
    with behind(houses(base_url=base_url, unix=unix), paper, brand=brand) as walk:
        insist_on_green(walk)
        assert walk.visit.brand.value.lower() == brand.name


def test_with_no_proxy_at_all_too(tmp_path: Path, paper: Paper) -> None:
    tls = f'c.ServerApp.certfile = "{paper.certificate}"\nc.ServerApp.keyfile = "{paper.key}"\n'
    with house(tmp_path, base_url="/", unix=False, more=tls, certificate=paper.certificate) as found:
        deployment = replace(found.deployment, https_port=found.deployment.upstream.port)
        with walking(found, deployment, http_port=None) as walk:
            insist_on_green(walk)


# -- what no proxy's file says -------------------------------------------------------------------------


@contextmanager
def behind(
    found: House, paper: Paper, *, brand: Brand = NGINX, at: int = 0, **described: Any
) -> Iterator[Walk]:
    """A walk through a right file, made for what is described."""
    deployment = outside.facing(found, paper, **described)
    running = brand.running(brand.text(deployment), port=deployment.port)
    with missing_is_skip(), running, walking(found, deployment, at=at) as walk:
        yield walk


def insist_on(walk: Walk, slug: str, said: str, line: str, severity: Severity = Severity.RED) -> None:
    found = walk.says(slug)
    assert (found.severity, said in found.what, line in found.line) == (severity, True, True), found


def test_a_name_that_has_no_address(path: House, paper: Paper) -> None:
    with walking(path, outside.facing(path, paper), host="no-such-name.invalid") as walk:
        insist_on(walk, "outside-dns", "has no address", "an A record")
        found = walk.everything()
    assert "outside-server" in found["outside-behind"].what


def test_a_port_that_nobody_listens_on(path: House, paper: Paper) -> None:
    with walking(path, outside.facing(path, paper)) as walk:
        insist_on(walk, "outside-connect", "nothing listens there", "firewall")
        found = walk.everything()
    assert set(found) == {"outside-dns", "outside-connect", "outside-behind"}
    assert "outside-connect" in found["outside-behind"].line


@pytest.mark.parametrize("brand", BRANDS, ids=str)
def test_a_proxy_that_reaches_nobody(path: House, paper: Paper, brand: Brand) -> None:
    with behind(path, paper, brand=brand, upstream=Upstream(port=free_port())) as walk:
        said = f"Something listens on {path.deployment.upstream.address}."
        insist_on(walk, "outside-server", said, path.deployment.upstream.address)
        found = walk.everything()
    assert found["outside-server"].what.startswith(f"{walk.visit.brand.value} answers 50")
    assert walk.visit.brand.value.lower() == brand.name


def test_a_server_that_is_down(path: House, paper: Paper) -> None:
    with behind(path, paper, upstream=Upstream(port=free_port())) as walk:
        there = replace(walk.visit.subject, options=(f"--ServerApp.port={free_port()}",))
        down = Walk(replace(walk.visit, subject=there))
        insist_on(down, "outside-server", "Nothing listens on", "systemctl status jupyter")


def test_another_base_url_on_the_servers_side(path: House, paper: Paper) -> None:
    with behind(path, paper, base_url="/") as walk:
        insist_on(walk, "outside-base-url", "type /, the server's base_url is /jupyterlab/", 'base_url = "/"')
        assert "outside-static" in walk.everything()["outside-behind"].what


def test_another_store(houses: Callable[..., House], path: House, paper: Paper) -> None:
    other = houses(base_url="/")
    deployment = outside.facing(path, paper)
    with NGINX.running(NGINX.text(deployment), port=deployment.port), walking(other, deployment) as walk:
        insist_on(walk, "outside-server", "another store", "as that server's user")


def test_no_store_to_write_a_probe_into(path: House, paper: Paper) -> None:
    with behind(path, paper) as walk:
        blind = Walk(replace(walk.visit, issue="there is no file"))
        insist_on(blind, "outside-server", "cannot be asked from here", "sudo -u", Severity.YELLOW)
        found = blind.everything()
    assert found["outside-static"].severity is Severity.GREEN
    assert found["outside-cookies"].severity is Severity.GREEN
    assert "outside-scheme" in found["outside-behind"].what


def test_a_proxy_that_is_not_believed_and_a_host_that_is_not_known(tmp_path: Path, paper: Paper) -> None:
    with house(tmp_path, base_url="/", unix=False, more="c.TotpAuth.trusted_proxies = []\n") as found:
        with behind(found, paper) as walk:
            insist_on(walk, "outside-trusted-proxy", "from 127.0.0.1", "trusted_proxies = ['127.0.0.1/32']")
            assert "outside-scheme" in walk.everything()["outside-behind"].what
        with behind(found, paper) as walk:
            www = Walk(replace(walk.visit, address=replace(walk.visit.address, host="www.lab.example")))
            insist_on(www, "outside-server", "refuses www.lab.example", "'lab.example', 'www.lab.example'")


@pytest.mark.parametrize("off", [60, -60, 15])
def test_a_clock_that_is_off(path: House, paper: Paper, off: int) -> None:
    severity = Severity.RED if abs(off) > 25 else Severity.YELLOW
    with behind(path, paper, at=off) as walk:
        word = "behind" if off > 0 else "ahead of"
        insist_on(walk, "outside-clock", word, "timedatectl", severity)


# -- certificates --------------------------------------------------------------------------------------


def certified(folder: Path, how: str) -> tuple[Path, Path]:
    """A certificate with one thing wrong, and its key."""
    if how == "name":
        return self_signed(folder, "other.example")
    if how == "expired":
        return self_signed(folder, DOMAIN, ends=timedelta(hours=-1))
    if how == "long":
        return self_signed(folder, DOMAIN, ends=timedelta(days=60))
    return chained(folder, DOMAIN) if how == "chain" else self_signed(folder, DOMAIN)


@pytest.mark.parametrize("brand", ONCE, ids=str)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("name", f"it is not for {DOMAIN}"),
        ("expired", "it has expired"),
        ("stranger", "signed by itself"),
        ("chain", "is it the whole chain?"),
    ],
)
def test_a_certificate_that_does_not_hold(
    path: House, tmp_path: Path, brand: Brand, how: str, said: str, request: pytest.FixtureRequest
) -> None:
    tmp_path.chmod(0o755)
    paper = Paper(tmp_path, certified(tmp_path, how))
    root = tmp_path / "root.pem" if how == "chain" else paper.certificate
    with behind(path, paper, brand=brand) as walk, trusting(root if how != "stranger" else HERE / "none.pem"):
        insist_on(walk, "outside-tls", said, DOMAIN if brand.name != "caddy" else "tls ")
        assert walk.says("outside-websocket").severity is Severity.GREEN  # the rest is looked at all the same


def test_a_certificate_that_ends_soon_or_not(path: House, tmp_path: Path, paper: Paper) -> None:
    tmp_path.chmod(0o755)
    with behind(path, paper) as walk:
        insist_on(walk, "outside-expiry", "ends in 1 days", "certbot renew", Severity.YELLOW)
    long = Paper(tmp_path, certified(tmp_path, "long"))
    with trusting(long.certificate), behind(path, long) as walk:
        assert walk.says("outside-expiry").severity is Severity.GREEN


@contextmanager
def speaking(answer: bytes) -> Iterator[int]:
    """Something on a port that says this to everybody."""
    with socket.create_server((HOME, 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    wire, _ = server.accept()
                except TimeoutError:
                    continue
                with wire:
                    wire.settimeout(1)
                    wire.recv(4096)
                    wire.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


def test_plain_http_where_tls_is_meant(path: House, paper: Paper) -> None:
    deployment = outside.facing(path, paper)
    with speaking(b"HTTP/1.1 400 Bad\r\n\r\n") as port, walking(path, deployment, port=port) as walk:
        insist_on(walk, "outside-tls", "No TLS", "a certificate and its key")
        assert "outside-server" in walk.everything()["outside-behind"].what


def test_an_address_that_begins_with_http(path: House, paper: Paper) -> None:
    with behind(path, paper, tls=outside.Tls.NONE, certificate="", key="") as walk:
        insist_on(walk, "outside-tls", "begins with http://", "return 301")
        assert walk.says("outside-websocket").severity is Severity.GREEN


NONSENSE = (b"", b"\0" * 100, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", b"SSH-2.0-x\r\n")


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_whatever_answers_nothing_is_raised(path: House, paper: Paper, nonsense: bytes) -> None:
    deployment = outside.facing(path, paper)
    with speaking(nonsense) as port, walking(path, deployment, port=port, secure=False) as walk:
        found = walk.everything()
    assert found["outside-server"].severity is Severity.RED
    assert found["outside-server"].what.startswith(("No answer", "Something else"))


# -- silence -------------------------------------------------------------------------------------------

CUT = {
    "nginx": (("proxy_read_timeout    86400s", "proxy_read_timeout 1s"), "proxy_read_timeout 86400s;"),
    "apache": (("=86400", "=1"), "timeout=86400 in ProxyPass"),
    "haproxy": (("timeout tunnel          86400s", "timeout tunnel 1s"), "timeout tunnel 86400s"),
}


@pytest.mark.parametrize("brand", [each for each in ONCE if each.name in CUT], ids=str)
def test_a_socket_that_is_cut_when_silent(path: House, paper: Paper, brand: Brand) -> None:
    (old, new), line = CUT[brand.name]
    deployment = outside.facing(path, paper)
    text = brand.text(deployment)
    assert old in text
    text = text.replace(old, new).replace("ProxyTimeout 86400", "ProxyTimeout 1")
    if brand.name == "apache":  # it waits for the longest of its time limits
        text = f"Timeout 1\n{text}"
    with missing_is_skip(), brand.running(text, port=deployment.port), walking(path, deployment) as walk:
        silent = Walk(replace(walk.visit, idle=4))
        insist_on(silent, "outside-idle", "is cut after", line)


def test_a_socket_that_lives(path: House, paper: Paper) -> None:
    with behind(path, paper) as walk:
        silent = Walk(replace(walk.visit, idle=2))
        assert silent.everything()["outside-idle"].severity is Severity.GREEN


# -- the address, and the command ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url", "http_port"),
    [
        ("https://jupyter.example.org", "https://jupyter.example.org/", 80),
        ("https://JUPYTER.example.org:443/lab/", "https://jupyter.example.org/lab/", 80),
        ("https://jupyter.example.org:8443/a/b", "https://jupyter.example.org:8443/a/b/", None),
        ("http://127.0.0.1:8888/", "http://127.0.0.1:8888/", None),
        ("https://[::1]:8888/", "https://[::1]:8888/", None),
        ("https://jüpyter.example/", "https://xn--jpyter-3ya.example/", 80),
    ],
)
def test_an_address(text: str, url: str, http_port: int | None) -> None:
    found = Address.parse(text)
    assert (found.url, found.http_port) == (url, http_port)


@pytest.mark.parametrize(
    "text",
    ["", "jupyter.example.org", "ftp://x/", "https://", "https://a:b/", "https://u:canary@x/", "https://x/?token=canary",
     "https://x/#canary", "https://[::1/", "https://x:99999/", f"https://{'a' * 64}.example/"],
)  # fmt: skip
def test_no_address(text: str) -> None:
    with pytest.raises(BadAddress) as caught:
        Address.parse(text)
    assert str(caught.value).endswith(".")


def test_the_command(path: House, paper: Paper) -> None:
    """By the server's own user and environment, to a name that every machine has."""
    server = path.stage.server
    deployment = outside.facing(path, paper, domain="localhost")
    with NGINX.running(NGINX.text(deployment), port=deployment.port):
        good = server.totp("doctor", deployment.public_url, "--json")
        told = server.totp("doctor", deployment.public_url)
    gone = server.totp("doctor", deployment.public_url, "--json")
    document = json.loads(good.stdout)
    assert (good.returncode, document["red"]) == (0, 0), document
    assert {finding["id"] for finding in document["findings"]} <= {check.id for check in CHECKS}
    assert told.stdout.splitlines()[-1].startswith("red: 0, ")
    assert gone.returncode == 1
    assert json.loads(gone.stdout)["findings"][-1]["id"] == "outside-behind"
    assert "Traceback" not in good.stderr + told.stderr + gone.stderr


@pytest.mark.parametrize(
    "words",
    [("jupyter.example",), ("--idle", "75"), *(("https://x/", "--idle", n) for n in ("0", "601", "x"))],
)
def test_wrong_usage(path: House, words: tuple[str, ...]) -> None:
    result = path.stage.server.totp("doctor", *words)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


# -- what is written about it --------------------------------------------------------------------------


def test_the_scheme_has_one_name() -> None:
    assert visit.SCHEME == probe.SCHEME


KNOWN = {
    "domain": DOMAIN,
    "origin": f"https://{DOMAIN}",
    "base_url": "/jupyterlab/",
    "upstream": "127.0.0.1:8888",
    "name": "X-Real-IP",
}
SAME = (
    *(Fault.PLAIN, Fault.HSTS, Fault.UPSTREAM, Fault.HOST, Fault.SCHEME, Fault.CLIENT, Fault.OTHERS),
    *(Fault.UPGRADE, Fault.IDLE, Fault.BODY, Fault.BUFFERING),
)
"""What a proxy's file of ours has a line for."""


def test_there_is_a_line_for_every_fault_and_proxy() -> None:
    for fault in Fault:
        lines = {line_for(fault, brand, **KNOWN) for brand in Spoken}
        assert len(lines) == len(Spoken)
        assert not any("{{" in line or "}}" in line for line in lines), fault


@pytest.mark.parametrize("brand", ONCE, ids=str)
def test_the_lines_are_those_of_the_files(brand: Brand) -> None:
    """Each directive that is to be written stands in what `jupyter totp config` makes."""
    text = render(KINDS[brand.name], outside.Deployment(DOMAIN, base_url="/jupyterlab/"))
    spoken = next(each for each in Spoken if each.value.lower() == brand.name)
    for fault in SAME:
        line = line_for(fault, spoken, **KNOWN).rpartition("  [")[0].partition("  (")[0]
        if not line.startswith("take out"):
            directive = re.split("[ =]", line)[0]
            assert directive in text, (fault, line)


def test_every_check_is_in_the_table_and_has_its_fault() -> None:
    text = TABLE.read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_walk*.py"))
    for check in CHECKS:
        assert f"| `{check.id}` | {check.about} | {check.why} |" in text, check.id
        assert f'"{check.id}"' in tests, check.id
        assert re.fullmatch(r"outside(-[a-z]+)+", check.id)
