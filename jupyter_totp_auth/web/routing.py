"""Where a path leads, remembered while the application's rules stand (decision 0022).

tornado tries one rule after the other for each request: a hundred of Jupyter's, and those of each extension.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import AnyMatches, HostMatches, PathMatches
from tornado.web import Application, RequestHandler

_BY_PATH = frozenset({AnyMatches, HostMatches, PathMatches})
"""Rules of these kinds look at nothing of a request but its host name and its path."""

_MOST, _LONGEST = 4096, 512
"""Paths that are remembered, and the length of one."""


class Routes:
    """An application's look-up of handlers; just that, where any of its rules looks at more than a path.

    Rules may be added, taken away and replaced at any time; a rule itself is not changed once it stands.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._look_up = application.find_handler
        self._known: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._begin_anew()

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """What ``Application.find_handler`` gives."""
        for router, rules in self._stood:
            if router.rules != rules:
                self._begin_anew()
                break
        path = request.path
        known = self._known.get((request.host_name, path))
        if known is not None:
            return self._application.get_handler_delegate(request, *known)
        delegate: Any = self._look_up(request, **kwargs)
        if self._goes_by_path and len(path) <= _LONGEST:
            if len(self._known) >= _MOST:
                self._known = {}
            way = delegate.handler_class, delegate.handler_kwargs, delegate.path_args, delegate.path_kwargs
            self._known[request.host_name, path] = way
        return delegate

    def _begin_anew(self) -> None:
        self._known = {}
        self._stood = list(_routers(self._application.default_router))
        rules = chain(*(rules for _, rules in self._stood))
        is_tornados = getattr(self._look_up, "__func__", None) is Application.find_handler
        self._goes_by_path = is_tornados and all(map(_goes_by_path, rules))


def _routers(router: Any) -> Iterator[tuple[Any, list[Any]]]:
    """A router and those below it, each with its rules of now."""
    yield router, list(router.rules)
    for rule in router.rules:
        if _is_router(rule.target):
            yield from _routers(rule.target)


def _is_router(target: Any) -> bool:
    """Whether it is one of the kind that an application makes, which does nothing but try its rules."""
    return type(target) is _KIND


def _goes_by_path(rule: Any) -> bool:
    target = rule.target
    leads = _is_router(target) or (isinstance(target, type) and issubclass(target, RequestHandler))
    return leads and type(rule.matcher) in _BY_PATH


_KIND = type(Application().wildcard_router)
"""tornado has no public name for it."""
