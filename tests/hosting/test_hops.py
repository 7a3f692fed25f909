"""Two proxies in a row, a proxy that comes and goes, and a server that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from jupyter_totp_auth.hosting import Tls, Upstream, network
from tests.hosting import outside
from tests.hosting.outside import BRANDS, CLIENT, DOMAIN, OUTER, Brand, House, Paper, Site, house
from tests.hosting.test_proxies import FORGED, cookies, told_of
from tests.services import missing_is_skip
from tests.services.ports import free_port

TRUE = "198.51.100.7"
"""What an outer proxy says that it has seen."""
BEHIND = (network(OUTER),)


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that trusts a proxy further out."""
    with house(tmp_path_factory.mktemp("inner"), base_url="/", unix=False, behind=BEHIND) as found:
        yield found


@contextmanager
def second(brand: Brand, inner: House, paper: Paper, tls: Tls) -> Iterator[Site]:
    """The inner one of two proxies."""
    own = {} if tls is Tls.FILES else {"certificate": "", "key": ""}
    with ExitStack() as stack:
        with missing_is_skip():
            found = stack.enter_context(outside.site(brand, inner, paper, tls=tls, **own))
        yield found


def test_j05_two_proxies_in_a_row(brand: Brand, inner: House, paper: Paper) -> None:
    """An outer one with TLS, which speaks from an address of its own."""
    outer = BRANDS[0]
    with second(brand, inner, paper, Tls.NONE) as site:
        upstream = Upstream(port=site.deployment.port)
        deployment = outside.facing(inner, paper, behind=(), upstream=upstream)
        text = outer.text(deployment)
        there = text.replace("proxy_http_version 1.1;", f"proxy_http_version 1.1; proxy_bind {OUTER};")
        assert there != text
        with outer.running(there, port=deployment.port):
            visitor = outside.Visitor(deployment.public_url, paper, **FORGED)
            visitor.log_in(inner.somebody())
            assert told_of(visitor) == CLIENT
            assert cookies(visitor)["login"].secure
            kernel = visitor.kernel_socket(inner.kernel_of(visitor))
            assert visitor.execute(kernel, "print(6 * 7)") == "42\n"


def test_j05_the_outer_proxys_word_counts(brand: Brand, inner: House, paper: Paper) -> None:
    said = {"X-Forwarded-For": f"203.0.113.66, {TRUE}", "X-Forwarded-Proto": "https"}
    with second(brand, inner, paper, Tls.FILES) as site:
        visitor = site.visitor(address=OUTER, **said)
        visitor.log_in(inner.somebody())
        assert told_of(visitor) == TRUE
        assert cookies(visitor)["login"].secure


@pytest.mark.parametrize("tls", [Tls.NONE, Tls.FILES])
def test_j05_nobody_elses_does(brand: Brand, inner: House, paper: Paper, tls: Tls) -> None:
    with second(brand, inner, paper, tls) as site:
        scheme = "https" if site.deployment.is_secure else "http"
        url = f"{scheme}://{DOMAIN}:{site.deployment.port}/"
        visitor = outside.Visitor(url, paper, **{**FORGED, "X-Forwarded-Proto": "https"})
        visitor.log_in(inner.somebody())
        assert told_of(visitor) == CLIENT
        assert cookies(visitor)["login"].secure is site.deployment.is_secure


def test_j13_a_proxy_that_is_started_anew_between_the_factors(
    brand: Brand, inner: House, paper: Paper
) -> None:
    deployment = outside.facing(inner, paper, behind=())
    text = brand.text(deployment)
    person = inner.somebody()
    visitor = outside.Visitor(deployment.public_url, paper)
    with missing_is_skip(), brand.running(text, port=deployment.port):
        page = visitor.follow(visitor.first_factor(person.username))
    with brand.running(text, port=deployment.port):
        answer = visitor.post_form(page, {"code": person.phone.fresh_code()})
        assert answer.status_code == 303
        assert visitor.is_signed_in()
        assert told_of(visitor) == CLIENT


def test_j13_a_server_that_is_not_there_is_said_so_at_once(brand: Brand, inner: House, paper: Paper) -> None:
    deployment = outside.facing(inner, paper, behind=(), upstream=Upstream(port=free_port()))
    with missing_is_skip(), brand.running(brand.text(deployment), port=deployment.port) as proxy:
        visitor = outside.Visitor(deployment.public_url, paper)
        answer = visitor.get("login")
        assert answer.status_code in (502, 503)
        visitor.get("api/kernels/1/channels?token=jta_in_the_query")
        assert answer.elapsed.total_seconds() < 5
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
        if brand.name != "nginx":  # whose log of errors quotes requests whole: docs/how-to/behind-a-proxy.md
            assert "in_the_query" not in proxy.log()
