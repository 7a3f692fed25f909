"""Who ran what: cells and terminals with account and login, where the operator asks for it (off by default).

The line in the log is written before the code reaches the kernel; the row in the store follows in a batch,
off the event loop. Never recorded: what is typed into a terminal, and into a cell's input() (passwords are).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from jupyter_server_terminals.api_handlers import TerminalRootHandler
from terminado.websocket import TermSocket
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler

from ..core.access_tokens import blanked
from ..core.events import Event, EventKind
from ..core.model import Account
from ..core.ports import EventStore
from ..settings import TotpAuth
from ..store import StoreUnavailable
from ..wiring import as_json_line
from .kernel_messages import Run, Unreadable, runs_of
from .log_privacy import Log
from .pool import BoundedPool, Busy
from .visitor import Visitor, account_of, visitor_of

_LONGEST = 8_000
"""Of code in an event, as ASCII JSON: at most 16 kB in the log's line; journald cuts at 48, MariaDB at 64."""

_LONGEST_NAME, _LONGEST_PATH = 64, 1_000
_MOST_WAITING = 2_000
_BATCH = 200
_EVERY = 0.25
_AGAIN = 2.0
"""Seconds: between batches, and after the store did not answer."""


class WhoRanWhat:
    """Looks at what goes through the sockets of kernels and terminals. On the event loop's thread."""

    def __init__(
        self,
        settings: TotpAuth,
        *,
        events: EventStore,
        path_of: Callable[[str], str],
        pool: BoundedPool,
        log: Log,
        clock: Callable[[], int],
    ) -> None:
        self.follow(settings)
        self._path_of = path_of
        self._clock = clock
        self._log = log
        self._rows = Rows(events, pool, log, clock)
        self._open: WeakKeyDictionary[WebSocketHandler, str] = WeakKeyDictionary()

    def follow(self, settings: TotpAuth) -> None:
        """Record what these ask for, from now on."""
        self._cells = settings.audit_cells
        self._terminals = settings.audit_terminals

    @property
    def rows(self) -> Rows:
        """What waits to be written."""
        return self._rows

    def may_pass(self, handler: WebSocketHandler, message: str | bytes) -> bool:
        """Record what a message would run. False: it could not be read, so it must not reach the kernel."""
        if self._cells == "off" or not isinstance(handler, KernelWebsocketHandler):
            return True
        kernel: str = handler.kernel_id
        try:
            runs = runs_of(message, handler.selected_subprotocol)
        except Unreadable as why:
            self._log.warning("A message to kernel %s was not passed on: %s.", kernel, why)
            return False
        for run in runs:
            self._record(EventKind.CELL_RUN, handler, {**self.where(kernel), **self._described(run)})
        return True

    def watched(self, handler_class: Any) -> Any:
        """What starts terminals, made to tell of it: a command can be asked for with no socket."""
        starts = isinstance(handler_class, type) and issubclass(handler_class, TerminalRootHandler)
        telling: Any = handler_class
        return _telling(self, telling) if self._terminals and starts else handler_class

    def started(self, handler: TerminalRootHandler) -> None:
        """A terminal is asked for; with what, since that can be a command."""
        asked = blanked(handler.request.body.decode("utf-8", "replace"))
        self._record(EventKind.TERMINAL_STARTED, handler, {"asked": shortened(asked)} if asked else {})

    def opened(self, handler: WebSocketHandler, *path: Any) -> None:
        """A socket opens; ``path`` is what the URL's pattern gave."""
        if self._terminals and isinstance(handler, TermSocket) and path:
            self._open[handler] = str(path[0])[:_LONGEST_NAME]
            self._record(EventKind.TERMINAL_OPENED, handler, {"terminal": self._open[handler]})

    def closed(self, handler: WebSocketHandler) -> None:
        """A socket is closed, from whichever side."""
        name = self._open.pop(handler, None)
        if name is not None:
            self._record(EventKind.TERMINAL_CLOSED, handler, {"terminal": name})

    def kernel(self, kind: EventKind, visitor: Visitor, kernel_id: str, owner: Account | None) -> None:
        """A kernel was started, restarted or stopped; ``owner``: who had started it, if anybody."""
        if self._cells != "off":
            self._note(kind, visitor, self.where(kernel_id), owner)

    def where(self, kernel_id: str) -> dict[str, Any]:
        """The kernel, and its notebook where a session tells."""
        path = self._path_of(kernel_id)
        return (
            {"kernel": kernel_id, "path": shortened(blanked(path), _LONGEST_PATH)}
            if path
            else {"kernel": kernel_id}
        )

    def _described(self, run: Run) -> dict[str, Any]:
        digest = hashlib.sha256(run.code.encode("utf-8", "surrogatepass")).hexdigest()
        told: dict[str, Any] = {"channel": run.channel, "sha256": digest, "length": len(run.code)}
        if run.marks:
            told["marks"] = list(run.marks)
        if self._cells == "full":
            shown = blanked(run.code)  # people do write their access tokens into cells
            told["code"] = shortened(shown)
            if told["code"] != shown:
                told["cut"] = True
        return told

    def _record(self, kind: EventKind, handler: RequestHandler, detail: dict[str, Any]) -> None:
        visitor = visitor_of(handler.request)
        if visitor is not None:  # the gate opens no socket to nobody
            self._note(kind, visitor, detail)

    def _note(
        self, kind: EventKind, visitor: Visitor, detail: dict[str, Any], owner: Account | None = None
    ) -> None:
        """In the log now, in the store soon. It concerns the owner, in whose history it then stands."""
        who = account_of(visitor)
        if who is None:
            return
        if visitor.token is not None:
            detail["token"] = visitor.token.token.id
        whose, client = owner or who, visitor.origin.client
        told, login = json.dumps(detail), visitor.login_id
        event = Event(kind, self._clock(), whose.id, whose.username, who.username, client, login, told)
        self._log.info("%s", as_json_line(event))
        self._rows.add(event)


@lru_cache(maxsize=8)
def _telling(who_ran_what: WhoRanWhat, handler_class: Any) -> Any:
    def post(self: Any, *args: Any, **kwargs: Any) -> Any:
        who_ran_what.started(self)
        return super(telling, self).post(*args, **kwargs)

    body = {"post": post, "__module__": handler_class.__module__}
    telling: Any = type(handler_class.__name__, (handler_class,), body)
    return telling


def shortened(code: str, longest: int = _LONGEST) -> str:
    """As much of the code as fits: a letter is one to twelve bytes in ASCII JSON."""
    kept = code[:longest]
    while len(json.dumps(kept)) > longest:
        kept = kept[: min(len(kept) * longest // len(json.dumps(kept)), len(kept) - 1)]
    return kept


class Rows:
    """The rows that wait for the store, in order, at most 2,000: what is more is only in the log."""

    def __init__(self, events: EventStore, pool: BoundedPool, log: Log, clock: Callable[[], int]) -> None:
        self._events = events
        self._pool = pool
        self._log = log
        self._clock = clock
        self._waiting: deque[Event] = deque()
        self._lost: Counter[tuple[str | None, str | None]] = Counter()
        self._writer: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: Event) -> None:
        """Have it written soon; where too many wait, count it as lost."""
        if len(self._waiting) >= _MOST_WAITING:
            self._lost[event.account_id, event.account] += 1
            return
        self._waiting.append(event)
        if self._writer is None:
            self._writer = asyncio.ensure_future(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(_EVERY)
                batch = list(islice(self._waiting, _BATCH))
                if await self._written(batch):
                    for _ in batch:
                        self._waiting.popleft()
                    self._tell_of_the_lost()
                else:
                    await asyncio.sleep(_AGAIN)
        finally:
            self._writer = None

    async def _written(self, batch: list[Event]) -> bool:
        try:
            await self._pool.run(self._events.add, *batch)
        except (StoreUnavailable, Busy):
            return False
        except Exception:  # noqa: BLE001 - not tried for ever: the ones behind would never be written
            self._log.exception("jupyter_totp_auth: %d rows of who ran what were not written", len(batch))
        return True

    def _tell_of_the_lost(self) -> None:
        """In its place among the others: behind those that waited, before those that come; whose, as well."""
        for (account_id, name), count in self._lost.items():
            self._waiting.append(
                Event(EventKind.RUNS_LOST, self._clock(), account_id, name, detail=str(count))
            )
        self._lost.clear()

    def finish(self) -> None:
        """Write what waits, on whatever thread: the server ends."""
        self._tell_of_the_lost()
        try:
            if self._waiting:
                self._events.add(*self._waiting)
        except StoreUnavailable:
            self._log.warning("%d rows of who ran what are only in this log.", len(self._waiting))
        self._waiting.clear()
