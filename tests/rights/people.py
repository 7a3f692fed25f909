"""Who asks: people of every role, with and without terminals, and programs with tokens of every scope."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests
import websocket

from jupyter_totp_auth.core.logins import LiveLogin
from jupyter_totp_auth.core.model import Account, AccountChange, Role, Terminals
from jupyter_totp_auth.core.rights import Grants
from tests.harness.backstage import Backstage, backstage
from tests.harness.client import Client
from tests.harness.server import JupyterServer

OUR_WORDS = frozenset({"role", "terminals", "step-up", "scope", "token", "signed-out"})


@dataclass
class Asker:
    """Somebody at the door: with a cookie, or with a token."""

    name: str
    role: Role
    grants: Grants
    url: str
    client: Client | None = None
    token: str = ""

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request as JupyterLab, or a program, makes it."""
        if self.client is not None:
            return self.client.request(method, path, **options)
        headers = {"Authorization": f"token {self.token}", **options.pop("headers", {})}
        return requests.request(
            method, urljoin(self.url, path), headers=headers, timeout=30, allow_redirects=False, **options
        )

    def open(self, path: str, **options: Any) -> websocket.WebSocket:
        """A WebSocket."""
        if self.client is not None:
            return self.client.socket(path, **options)
        header = [f"Authorization: token {self.token}"]
        return Client(self.url).socket(path, origin=None, header=header, **options)


@dataclass
class House:
    """A running server, and whom we know there."""

    stage: Backstage
    people: dict[str, Account] = field(default_factory=dict)

    def person(self, name: str, role: Role, terminals: Terminals = Terminals.YES) -> Account:
        """Somebody with an account."""
        if name not in self.people:
            self.stage.enrolled(name, role=role)
            self.set(name, terminals=terminals)
            self.people[name] = self.stage.services.accounts.named(name)
        return self.people[name]

    def set(self, name: str, **changes: Any) -> None:
        """As an administrator changes an account."""
        account = self.stage.services.accounts.named(name)
        change = AccountChange(**changes)
        self.stage.services.accounts.change(account.id, change, actor="operator", client="")

    def with_cookie(self, role: Role, terminals: Terminals = Terminals.YES, *, fresh: bool = True) -> Asker:
        """A browser of somebody of that kind."""
        name = f"{role.value}-{terminals.value}"
        self.person(name, role, terminals)
        client = self.stage.signed_in(name)
        if not fresh:
            with self.stage.sql() as connection:
                connection.execute("UPDATE login SET fresh_at = 0")
                connection.execute("UPDATE instance SET revision = revision + 1")
            time.sleep(0.6)  # until the server has looked
        how = "fresh" if fresh else "stale"
        return Asker(f"{name}-{how}", role, Grants(terminals, fresh=fresh), self.stage.url, client)

    def with_token(
        self,
        role: Role,
        *scopes: str,
        terminals: Terminals = Terminals.YES,
        path_prefix: str = "",
        name: str = "",
    ) -> Asker:
        """A program of somebody of that kind."""
        account = self.person(name or f"{role.value}-{terminals.value}", role, terminals)
        services = self.stage.services
        bearer = self.stage.open_login(account.username)
        login = services.logins.load(bearer.text)
        assert isinstance(login, LiveLogin)
        made = services.access_tokens.create(
            login, name="program", days=1, client="", scopes=scopes, path_prefix=path_prefix
        )
        text = getattr(made, "text", "")
        assert text.startswith("jta_"), made
        asker = f"{account.username}+{','.join(scopes)}"
        return Asker(asker, role, Grants(terminals, frozenset(scopes)), self.stage.url, token=text)


@contextmanager
def open_house(server: JupyterServer) -> Iterator[House]:
    """Start it."""
    with server, backstage(server) as stage:
        stage.enrolled("root", role=Role.ADMIN)  # the last administrator could not be changed
        yield House(stage)
