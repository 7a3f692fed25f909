"""Where a path leads is remembered, and is to the letter what tornado would find anew."""

from __future__ import annotations

from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.routing import AnyMatches, Matcher, PathMatches, Router, Rule
from tornado.web import Application, ErrorHandler, RequestHandler

from jupyter_totp_auth.web import routing
from jupyter_totp_auth.web.routing import Routes


class First(RequestHandler):
    """One of some."""


class Second(First):
    """Another."""


class Third(First):
    """And another."""


def application(*more: Any) -> Application:
    made = Application([(r"/first", First, {"a": 1}), (r"/named/(?P<name>.+)", Second), *more])
    made.add_handlers(r"lab\.example", [(r"/first", Third), (r"/of/(.+)/and/(.+)", Third)])
    return made


def request(path: str, host: str = "127.0.0.1") -> HTTPServerRequest:
    made = HTTPServerRequest(
        start_line=RequestStartLine("GET", path, "HTTP/1.1"), headers=HTTPHeaders({"Host": host})
    )
    made.connection = None  # type: ignore[assignment]
    return made


def way(delegate: Any) -> tuple[Any, ...]:
    return delegate.handler_class, delegate.handler_kwargs, delegate.path_args, delegate.path_kwargs


PATHS = [
    "/first",
    "/first/",
    "/named/a%20b",
    "/named/",
    "/of/one/and/two",
    "/nowhere",
    "/first?x=1",
    "/" + "a" * 600,
]
HOSTS = ["127.0.0.1", "lab.example", "lab.example:8888"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", PATHS)
def test_the_second_time_it_is_what_tornado_finds(path: str, host: str) -> None:
    tornados = application()
    routes = Routes(tornados)
    for other in PATHS:
        routes.find_handler(request(other))
        routes.find_handler(request(other, "lab.example"))
    for _ in range(2):
        asked = request(path, host)
        found = routes.find_handler(asked)
        assert way(found) == way(tornados.find_handler(asked))
        assert found.request is asked


class Count:
    """How often the rules were tried."""

    def __init__(self, asked: Application) -> None:
        self.times, self._look_up = 0, asked.default_router.find_handler
        asked.default_router.find_handler = self  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.times += 1
        return self._look_up(*args, **kwargs)


def test_the_rules_are_tried_once_for_a_path() -> None:
    asked = application()
    count = Count(asked)
    routes = Routes(asked)
    for _ in range(5):
        routes.find_handler(request("/first"))
    assert count.times == 1
    routes.find_handler(request("/first", "lab.example"))
    routes.find_handler(request("/named/x"))
    assert count.times == 3


def test_what_is_added_taken_away_or_put_in_front_counts_from_then_on() -> None:
    changed = application()
    routes = Routes(changed)

    def found(path: str) -> Any:
        return routes.find_handler(request(path)).handler_class

    assert (found("/late"), found("/first")) == (ErrorHandler, First)
    changed.add_handlers(".*$", [(r"/late", Third)])
    assert (found("/late"), found("/first")) == (Third, First)
    changed.wildcard_router.rules.insert(0, Rule(PathMatches(r"/first"), Second))
    assert found("/first") is Second
    del changed.wildcard_router.rules[0]
    assert found("/first") is First
    changed.wildcard_router.rules[0] = Rule(PathMatches(r"/first"), Third)
    assert found("/first") is Third
    changed.wildcard_router.rules = []
    assert found("/first") is ErrorHandler


class ByMethod(Matcher):
    """Looks at more than a path."""

    def match(self, asked: HTTPServerRequest) -> dict[str, Any] | None:
        return {} if asked.method == "GET" else None


class Own(Router):
    """Of an extension's own, which may look at anything."""

    def find_handler(self, asked: HTTPServerRequest, **kwargs: Any) -> Any:
        return None


@pytest.mark.parametrize(
    "rule", [Rule(ByMethod(), Second), Rule(AnyMatches(), Own())], ids=["rule", "router"]
)
def test_where_a_rule_looks_at_more_than_a_path_nothing_is_remembered(rule: Rule) -> None:
    asked = application(rule)
    count = Count(asked)
    routes = Routes(asked)
    for _ in range(3):
        routes.find_handler(request("/first"))
    assert count.times == 3


def test_an_application_that_looks_up_in_its_own_way_is_always_asked() -> None:
    class Odd(Application):
        def find_handler(self, asked: HTTPServerRequest, **kwargs: Any) -> Any:
            return self.get_handler_delegate(asked, Second if asked.method == "POST" else First)

    routes, asked = Routes(Odd([(r"/first", First)])), request("/first")
    assert routes.find_handler(asked).handler_class is First
    asked.method = "POST"
    assert routes.find_handler(asked).handler_class is Second


def test_so_is_one_whose_look_up_somebody_has_replaced() -> None:
    replaced = application()
    answers = iter([First, Second])
    replaced.find_handler = lambda asked: replaced.get_handler_delegate(asked, next(answers))  # type: ignore[method-assign, assignment]
    routes = Routes(replaced)
    assert [routes.find_handler(request("/first")).handler_class for _ in range(2)] == [First, Second]


def test_no_more_is_kept_than_a_busy_server_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "_MOST", 10)
    routes = Routes(application())
    for number in range(100):
        routes.find_handler(request(f"/named/{number}"))
        assert len(routes._known) <= 10
    assert routes.find_handler(request("/named/99")).path_kwargs == {"name": b"99"}
