"""A client that goes through the pages as a browser does: forms by their fields, cookies, Origin."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyotp
import requests
import websocket

from tests.harness.canary import note, note_answer

PASSWORD = "correct horse battery staple 1"  # what test accounts have
STEP = 30


@dataclass
class Form:
    """The first form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.form is None:
            self.form = Form(values.get("action", ""))
        sent = "name" in values and (values.get("type") != "checkbox" or "checked" in values)
        if tag == "input" and self.form is not None and sent:
            self.form.fields[values["name"]] = values.get("value", "")


def parse_form(response: requests.Response) -> Form:
    """The form of a page, with its action made absolute."""
    parser = _FormParser()
    parser.feed(response.text)
    assert parser.form is not None, f"{response.status_code} {response.url} has no form"
    parser.form.action = urljoin(response.url, parser.form.action)
    return parser.form


@dataclass
class Phone:
    """An authenticator app: it knows the secret, and never shows the same code twice in a test."""

    secret: str
    last_step: int = -1
    clock: Any = time.time

    def __post_init__(self) -> None:
        note("totp", self.secret)

    def code(self, shift: int = 0) -> str:
        """The code of now (plus ``shift`` steps)."""
        return self.code_of(int(self.clock()) // STEP + shift)

    def code_of(self, step: int) -> str:
        """The code of one time step."""
        return pyotp.HOTP(self.secret).at(step)

    def fresh_code(self) -> str:
        """A code that has not been used yet: of this step, the next, or the one after (then it waits)."""
        while True:
            now = int(self.clock()) // STEP
            step = max(now, self.last_step + 1)
            if step <= now + 1:
                self.last_step = step
                return self.code_of(step)
            time.sleep(0.5)


@dataclass
class Person:
    """Somebody with an account: what they know and have."""

    username: str
    password: str
    phone: Phone
    recovery_codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        note("password", self.password)


_opened: list[requests.Session | websocket.WebSocket] = []


def close_all() -> None:
    """Close what clients opened (after each test). A session that is used again opens anew."""
    while _opened:
        opened = _opened.pop()
        # WebSocket.close() leaves a socket open that the other side has closed first.
        opened.shutdown() if isinstance(opened, websocket.WebSocket) else opened.close()


class Client:
    """A browser without a screen. Each has its own cookies."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.session = requests.Session()
        self.session.trust_env = False
        # tornado measures by the wall clock how long a connection is idle: tests that move it in that instant
        # would have it closed under their next request.
        self.session.headers.update({"Connection": "close", **headers})
        self.session.hooks["response"].append(note_answer)
        _opened.append(self.session)

    # -- requests ----------------------------------------------------------------------------------

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        """GET, without following redirects."""
        kwargs.setdefault("allow_redirects", False)
        return self.session.get(urljoin(self.url, path), timeout=30, **kwargs)

    def request(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """A state change as JupyterLab's own page would ask for it."""
        kwargs.setdefault("allow_redirects", False)
        headers = {"Origin": self.origin, "X-XSRFToken": self.xsrf, **kwargs.pop("headers", {})}
        return self.session.request(method, urljoin(self.url, path), headers=headers, timeout=30, **kwargs)

    def post_form(self, page: requests.Response, values: dict[str, str], **kwargs: Any) -> requests.Response:
        """Fill in the page's form and send it; redirects are not followed."""
        form = parse_form(page)
        kwargs.setdefault("allow_redirects", False)
        headers = {"Origin": self.origin, **kwargs.pop("headers", {})}
        return self.session.post(
            form.action, data={**form.fields, **values}, headers=headers, timeout=30, **kwargs
        )

    def follow(self, response: requests.Response) -> requests.Response:
        """Follow redirects, within our own pages."""
        while response.is_redirect:
            response = self.get(response.headers["Location"])
        return response

    @property
    def xsrf(self) -> str:
        """The double-submit token."""
        return next((c.value or "" for c in self.session.cookies if c.name == "_xsrf"), "")

    @property
    def login_cookie(self) -> str | None:
        """The login cookie's value."""
        return self.cookie("-login-")

    def cookie(self, part: str) -> str | None:
        """The value of the cookie with ``part`` in its name."""
        return next((c.value for c in self.session.cookies if part in c.name), None)

    def cookie_name(self, part: str) -> str:
        """The name of the cookie with ``part`` in it."""
        return next(c.name for c in self.session.cookies if part in c.name)

    # -- what a person does ------------------------------------------------------------------------

    def enroll(self, code: str, *, username: str = "ada", password: str = PASSWORD, **phone: Any) -> Person:
        """From an enrollment code to a signed-in client."""
        page = self.follow(self.post_form(self.get("enroll"), {"enrollment_code": code}))
        fields = {"password": password, "password_again": password, "username": username}
        asked = parse_form(page).fields
        answer = self.post_form(page, {k: v for k, v in fields.items() if k in asked})
        page = self.follow(answer)
        match = re.search(r'<code id="totp-secret">([A-Z2-7]+)</code>', page.text)
        assert match, f"no secret on the page: {page.status_code} {page.text[:2000]}"
        person = Person(username, password, Phone(match.group(1), **phone))
        done = self.post_form(page, {"code": person.phone.fresh_code()})
        person.recovery_codes = [
            unescape(code) for code in re.findall(r'<li class="recovery-code">([^<]+)</li>', done.text)
        ]
        assert len(person.recovery_codes) == 10, f"{done.status_code} {done.text[:2000]}"
        return person

    def first_factor(
        self, username: str, password: str = PASSWORD, *, next_url: str | None = None
    ) -> requests.Response:
        """Send name and password; the bare answer."""
        page = self.get("login", params={"next": next_url} if next_url else None)
        return self.post_form(page, {"username": username, "password": password})

    def second_factor(self, code: str, **values: str) -> requests.Response:
        """Send the code from the code page; the bare answer."""
        return self.post_form(self.get("login/code"), {"code": code, **values})

    def log_in(self, person: Person, *, code: str | None = None) -> requests.Response:
        """Both factors. Fails where that does not sign in."""
        page = self.follow(self.first_factor(person.username, person.password))
        answer = self.post_form(page, {"code": code or person.phone.fresh_code()})
        assert answer.status_code == 303, f"{answer.status_code} {answer.text[:3000]}"
        assert self.is_signed_in(), "the cookie does not work"
        return answer

    def is_signed_in(self) -> bool:
        """Whether Jupyter's own API answers this client."""
        return self.get("api/contents").status_code == requests.codes.ok

    def log_out(self) -> requests.Response:
        """By the button on the page."""
        return self.post_form(self.get("logout"), {})

    # -- kernels, terminals, sockets ---------------------------------------------------------------

    def socket(self, path: str, *, origin: str | None = "", **kwargs: Any) -> websocket.WebSocket:
        """An open WebSocket with this client's cookies. ``origin=None`` sends none."""
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.session.cookies)
        kwargs.setdefault("timeout", 20)
        options: dict[str, Any] = {"cookie": cookies, **kwargs}
        if origin is None:
            options["suppress_origin"] = True
        else:
            options["origin"] = origin or self.origin
        live = websocket.create_connection(urljoin(self.url, path).replace("http", "ws", 1), **options)
        _opened.append(live)
        return live

    def start_kernel(self) -> str:
        """A kernel's id."""
        return str(self.request("POST", "api/kernels", json={}).json()["id"])

    def start_terminal(self) -> str:
        """A terminal's name."""
        return str(self.request("POST", "api/terminals", json={}).json()["name"])

    def kernel_socket(self, kernel_id: str, **kwargs: Any) -> websocket.WebSocket:
        """The kernel's channels."""
        return self.socket(f"api/kernels/{kernel_id}/channels?session_id=test", **kwargs)

    @staticmethod
    def execute(kernel: websocket.WebSocket, code: str, seconds: float = 30) -> str:
        """Run code over a kernel's socket; what it printed."""
        kernel.send(json.dumps(execute_request(code)))
        printed, deadline = "", time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = json.loads(kernel.recv())
            if message["msg_type"] == "stream":
                printed += message["content"]["text"]
            is_ours = message["parent_header"].get("msg_id") == "run"
            if is_ours and message["content"].get("execution_state") == "idle":
                return printed
        raise AssertionError("the kernel did not answer")


def execute_request(code: str) -> dict[str, Any]:
    """The message that runs ``code``."""
    return {
        "header": {
            "msg_id": "run",
            "msg_type": "execute_request",
            "session": "test",
            "username": "test",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "allow_stdin": False},
        "channel": "shell",
        "buffers": [],
    }


def is_closed(socket: websocket.WebSocket, seconds: float = 2) -> int | None:
    """The close code, once the socket is closed; None where it stays open for ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        socket.settimeout(max(deadline - time.monotonic(), 0.01))
        try:
            opcode, data = socket.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return None
        except (websocket.WebSocketConnectionClosedException, OSError):
            return 1006
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")
    return None
