"""The doctor from outside: a real proxy's file is broken in one way, and the doctor names that line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from jupyter_totp_auth.doctor.finding import Severity
from tests.hosting import outside
from tests.hosting.outside import Brand, House, Paper
from tests.hosting.walking import trusting, walking
from tests.services import missing_is_skip

NGINX, APACHE, HAPROXY, CADDY = "nginx", "apache", "haproxy", "caddy"
TUNNEL = "apache wstunnel"
HIGH = "/jupyterlab/"

Changes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Fault:
    """One way to break a proxy's file, and what the doctor has to say of it."""

    check: str
    brand: str
    changes: Changes
    said: str
    line: str
    severity: Severity = Severity.RED
    base_url: str = HIGH
    id: str = ""
    address: dict[str, Any] = field(default_factory=dict)

    def broken(self, text: str) -> str:
        """The file with the fault in it. Every change has to find its place."""
        for old, new in self.changes:
            assert old in text, f"{old!r} is not in the file"
            text = text.replace(old, new)
        return text


def faults(check: str, said: str, *rows: tuple[str, Changes, str], **more: Any) -> list[Fault]:
    """The same fault in the language of several proxies: brand, changes, and the line that is missing."""
    return [Fault(check, brand, changes, said, line, **more) for brand, changes, line in rows]


def swap(old: str, new: str) -> Changes:
    return ((old, new),)


def added(before: str, new: str) -> Changes:
    """Something more in the file, before a line that is there."""
    return ((before, f"{new}\n{before}"),)


N_IN, A_IN, H_IN, C_IN = (
    "proxy_http_version 1.1;",
    "ProxyRequests Off",
    "default_backend jupyter",
    "flush_interval -1",
)
"""A line of each file inside what passes requests on."""
HSTS = 'Strict-Transport-Security "max-age=63072000"'
N_XFF, N_XFP = (
    "proxy_set_header X-Forwarded-For   $remote_addr;",
    "proxy_set_header X-Forwarded-Proto $scheme;",
)
A_XFF, A_XFP = "RequestHeader unset X-Forwarded-For", 'RequestHeader set X-Forwarded-Proto "https"'
H_XFF, H_XFP = "http-request del-header X-Forwarded-For", "http-request set-header X-Forwarded-Proto https"
N_MAP = "map $http_x_forwarded_proto $jupyter_scheme { default https; http http; }"
YELLOW = {"severity": Severity.YELLOW}

FAULTS = [
    *faults(
        "outside-plain",
        "does not lead to https",
        (NGINX, swap("return 301 https", "return 200 https"), "return 301 https://lab.example"),
        (APACHE, swap("Redirect permanent / ", "#"), "Redirect permanent / https://lab.example"),
        (
            HAPROXY,
            swap("http-request redirect prefix", "http-request return status 200 #"),
            "redirect prefix",
        ),
        (CADDY, swap("redir https", 'respond "hello" #'), "redir https://lab.example"),
    ),
    *faults(
        "outside-plain",
        "leads to https://other.example/",
        (
            NGINX,
            swap(
                "location / { return 301",
                "location / { return 301 https://other.example/; } location /x { return 301",
            ),
            "return 301",
        ),
        id="elsewhere",
    ),
    *faults(
        "outside-hsts",
        "No Strict-Transport-Security",
        (NGINX, swap(f"add_header {HSTS} always;", ""), f"add_header {HSTS} always;"),
        (APACHE, swap(f"Header always set {HSTS}", ""), f"Header always set {HSTS}"),
        (HAPROXY, swap(f"set-header {HSTS}", "del-header Strict-Transport-Security"), f"set-header {HSTS}"),
        (CADDY, swap(f"header {HSTS}", ""), f"header {HSTS}"),
        **YELLOW,
    ),
    *faults(
        "outside-path",
        "/jupyterlab/api/totp/health arrives as /",
        (NGINX, (("proxy_pass http://", "proxy_pass http://$jupyter_there/;#"),), "not even a slash"),
        (APACHE, swap('/jupyterlab/" upgrade', '/" upgrade'), 'ProxyPass "/jupyterlab/" "http://127.0.0.1:'),
        (HAPROXY, added(H_IN, "    http-request replace-path /jupyterlab/(.*) /\\1"), "replace-path"),
        (
            CADDY,
            (
                ("respond @elsewhere 404", "uri strip_prefix /jupyterlab"),
                ("reverse_proxy /jupyterlab/*", "reverse_proxy"),
            ),
            "handle_path",
        ),
        id="cut off",
    ),
    *faults(
        "outside-path",
        "a%2Fb",
        (
            APACHE,
            swap("AllowEncodedSlashes NoDecode", "AllowEncodedSlashes Off"),
            "AllowEncodedSlashes NoDecode",
        ),
        id="decoded",
    ),
    *faults(
        "outside-path",
        "x%20y%25.ipynb does not arrive",
        (TUNNEL, swap(" nocanon", ""), "nocanon"),
        id="decoded twice",
    ),
    *faults(
        "outside-host",
        "arrives as 127.0.0.1",
        (NGINX, swap("proxy_set_header Host $http_host;", ""), "proxy_set_header Host $http_host;"),
        (APACHE, swap("ProxyPreserveHost On", "ProxyPreserveHost Off"), "ProxyPreserveHost On"),
        (HAPROXY, added(H_IN, "    http-request set-header Host 127.0.0.1"), "set-header Host"),
        (CADDY, added(C_IN, "header_up Host 127.0.0.1"), "header_up Host"),
    ),
    *faults(
        "outside-server",
        "does not see lab.example",
        (NGINX, swap("Host $http_host;", "Host jupyter;"), "proxy_set_header Host $http_host;"),
        (HAPROXY, added(H_IN, "    http-request set-header Host jupyter"), "set-header Host"),
        (CADDY, added(C_IN, "header_up Host jupyter"), "header_up Host"),
        id="host",
    ),
    *faults(
        "outside-server",
        "HTTP Basic",
        (NGINX, added(N_IN, "auth_basic x; auth_basic_user_file /dev/null;"), "auth_basic off;"),
        (HAPROXY, added(H_IN, "    http-request auth realm x"), "http-request auth"),
        id="basic",
    ),
    *faults(
        "outside-server",
        "Something else answers below /elsewhere/: 404",
        (NGINX, (), "location /elsewhere/ { proxy_pass http://127.0.0.1:"),
        (APACHE, (), 'ProxyPass "/elsewhere/" "http://127.0.0.1:'),
        (HAPROXY, (), "use_backend jupyter if { path_beg /elsewhere/ }"),
        (CADDY, (), "reverse_proxy /elsewhere/* 127.0.0.1:"),
        address={"base_url": "/elsewhere/"},
        id="elsewhere",
    ),
    *faults(
        "outside-origin",
        "arrives as nothing",
        (NGINX, added(N_IN, 'proxy_set_header Origin "";'), "proxy_set_header Origin"),
        (APACHE, added(A_IN, "    RequestHeader unset Origin"), "RequestHeader unset Origin"),
        (HAPROXY, added(H_IN, "    http-request del-header Origin"), "del-header Origin"),
        (CADDY, added(C_IN, "header_up -Origin"), "header_up -Origin"),
    ),
    *faults(
        "outside-scheme",
        "X-Forwarded-Proto arrives as nothing",
        (NGINX, swap(N_XFP, ""), "proxy_set_header X-Forwarded-Proto $scheme;"),
        (APACHE, swap(A_XFP, ""), A_XFP),
        (HAPROXY, swap(H_XFP, ""), H_XFP),
        (CADDY, added(C_IN, "header_up -X-Forwarded-Proto"), "header_up X-Forwarded-Proto"),
    ),
    *faults(
        "outside-scheme",
        "X-Forwarded-Proto arrives as http",
        (NGINX, swap(N_XFP, "proxy_set_header X-Forwarded-Proto http;"), "X-Forwarded-Proto $scheme;"),
        id="wrong",
    ),
    *faults(
        "outside-client",
        "No X-Forwarded-For arrives: everybody is 127.0.0.1",
        (NGINX, swap(N_XFF, ""), "proxy_set_header X-Forwarded-For $remote_addr;"),
        (APACHE, swap("ProxyAddHeaders On", "ProxyAddHeaders Off"), "ProxyAddHeaders On"),
        (HAPROXY, swap("option forwardfor", ""), "option forwardfor"),
        (CADDY, added(C_IN, "header_up -X-Forwarded-For"), "header_up X-Forwarded-For"),
    ),
    *faults(
        "outside-forged",
        "X-Forwarded-For itself is believed",
        (NGINX, swap(N_XFF, ""), "proxy_set_header X-Forwarded-For $remote_addr;"),
        (APACHE, (("ProxyAddHeaders On", "ProxyAddHeaders Off"), (A_XFF, "")), A_XFF),
        (HAPROXY, (("option forwardfor", ""), (H_XFF, "")), H_XFF),
        (
            CADDY,
            added(C_IN, "header_up X-Forwarded-For {http.request.header.X-Forwarded-For}"),
            "X-Forwarded-For",
        ),
    ),
    *faults(
        "outside-forged",
        "X-Forwarded-Proto itself is believed",
        (
            NGINX,
            (
                (N_XFP, "proxy_set_header X-Forwarded-Proto $jupyter_scheme;"),
                (
                    "map $http_upgrade",
                    f"{N_MAP}\nmap $http_upgrade",
                ),
            ),
            "proxy_set_header X-Forwarded-Proto $scheme;",
        ),
        (CADDY, added(C_IN, "trusted_proxies 0.0.0.0/0"), "header_up X-Forwarded-Proto"),
        id="scheme",
    ),
    *faults(
        "outside-forged",
        "own X-Real-IP arrives",
        (NGINX, swap('proxy_set_header X-Real-IP "";', ""), 'proxy_set_header X-Real-IP "";'),
        (APACHE, swap("RequestHeader unset X-Real-IP", ""), "RequestHeader unset X-Real-IP"),
        (HAPROXY, swap("http-request del-header X-Real-IP", ""), "http-request del-header X-Real-IP"),
        (CADDY, swap("header_up -X-Real-IP", ""), "header_up -X-Real-IP"),
        id="another header",
        **YELLOW,
    ),
    *faults(
        "outside-websocket",
        "kernels: the header Upgrade does not arrive",
        (NGINX, swap("proxy_set_header Upgrade    $jupyter_upgrade;", ""), "proxy_set_header Upgrade"),
        (APACHE, swap(" upgrade=websocket", ""), "upgrade=websocket"),
        (HAPROXY, added(H_IN, "    http-request del-header Upgrade"), "del-header"),
        (CADDY, added("reverse_proxy /", "\trequest_header -Upgrade"), "request_header for Upgrade"),
    ),
    *faults(
        "outside-websocket",
        "kernels: ",
        (NGINX, swap("proxy_set_header Connection $jupyter_connection;", ""), "proxy_set_header Connection"),
        (TUNNEL, swap("RewriteRule", "#RewriteRule"), "upgrade=websocket"),
        id="connection",
    ),
    *faults(
        "outside-websocket",
        "terminals: ",
        (
            NGINX,
            added(
                "    location /jupyterlab/ {",
                "    location ~ /terminals/ { proxy_pass http://$jupyter_there; }",
            ),
            "proxy_set_header Upgrade",
        ),
        id="terminals alone",
    ),
    *faults(
        "outside-redirect",
        "leads to http://127.0.0.1:8888/",
        (NGINX, added(N_IN, "proxy_redirect ~^(.*)$ http://127.0.0.1:8888$1;"), "proxy_redirect off;"),
        (
            APACHE,
            added(A_IN, '    Header edit Location "^/" "http://127.0.0.1:8888/"'),
            "Header edit Location",
        ),
        (
            HAPROXY,
            added(H_IN, "    http-response replace-header Location ^(.*)$ http://127.0.0.1:8888\\1"),
            "Location",
        ),
        (CADDY, added(C_IN, "header_down Location ^(.*)$ http://127.0.0.1:8888$1"), "header_down Location"),
        base_url="/",
    ),
    *faults(
        "outside-redirect",
        "/jupyterlab does not lead to https://lab.example",
        (NGINX, swap("return 302 /jupyterlab/", "return 404"), "a redirect in the proxy from /jupyterlab to"),
        id="no slash",
        **YELLOW,
    ),
    *faults(
        "outside-static",
        "login/static/page.css comes as: ",
        (
            NGINX,
            added("    location /jupyterlab/ {", r"    location ~ \.(css|js)$ { root /nowhere; }"),
            "location ^~",
        ),
        (APACHE, added(A_IN, r"    ProxyPassMatch \.css$ !"), "Alias"),
        (
            HAPROXY,
            added(
                H_IN,
                "    http-request return status 200 content-type text/html string x if { path_end .css }",
            ),
            "use_backend",
        ),
        (CADDY, added("reverse_proxy /", '\trespond /jupyterlab/login/static/* "<html>"'), "file_server"),
    ),
    *faults(
        "outside-static",
        "lab/extensions/a/static/b.js does not reach",
        (
            NGINX,
            added("    location /jupyterlab/ {", "    location /jupyterlab/lab/ext { return 404; }"),
            "location ^~",
        ),
        id="of JupyterLab",
    ),
    *faults(
        "outside-cookies",
        "is not Secure",
        (NGINX, added(N_IN, "proxy_cookie_flags ~ nosecure;"), "proxy_cookie_flags off;"),
        (APACHE, added(A_IN, '    Header edit* Set-Cookie "; Secure" ""'), "Header edit Set-Cookie"),
        (
            HAPROXY,
            added(H_IN, '    http-response replace-header Set-Cookie "(.*); Secure(.*)" "\\1\\2"'),
            "replace-header Set-Cookie",
        ),
        (CADDY, added(C_IN, 'header_down Set-Cookie "; Secure" "; HttpOnly"'), "header_down Set-Cookie"),
    ),
    *faults(
        "outside-cookies",
        "is for the path /elsewhere/",
        (NGINX, added(N_IN, "proxy_cookie_path / /elsewhere/;"), "proxy_cookie_path off;"),
        id="path",
        base_url="/",
    ),
    *faults(
        "outside-body",
        "A body of 10 MB does not get through",
        (NGINX, swap("client_max_body_size 536870912;", ""), "client_max_body_size 536870912;"),
        (HAPROXY, swap("gt 536870912", "gt 1048576"), "gt 536870912"),
        (CADDY, swap("max_size 512MiB", "max_size 1MiB"), "max_size 512MiB"),
    ),
    *faults(
        "outside-body",
        "refuses a body of 100 MB",
        (NGINX, swap("client_max_body_size 536870912;", "client_max_body_size 20m;"), "client_max_body_size"),
        (HAPROXY, swap("gt 536870912", "gt 20971520"), "gt 536870912"),
        id="large",
        **YELLOW,
    ),
    *faults(
        "outside-buffering",
        "in one",
        (NGINX, swap("proxy_buffering         off;", ""), "proxy_buffering off;"),
        **YELLOW,
    ),
]


def named(fault: Fault) -> str:
    return "-".join(filter(None, (fault.check.removeprefix("outside-"), fault.id, fault.brand))).replace(
        " ", "-"
    )


@pytest.fixture(scope="module", autouse=True)
def known(paper: Paper) -> Iterator[None]:
    with trusting(paper.certificate):
        yield


@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_the_doctor_names_the_line(fault: Fault, houses: Callable[..., House], paper: Paper) -> None:
    house = houses(base_url=fault.base_url)
    name, _, way = fault.brand.partition(" ")
    brand = Brand(name, wstunnel=bool(way))
    deployment = outside.facing(house, paper)
    text = fault.broken(brand.text(deployment)).replace("$jupyter_there", deployment.upstream.address)
    with (
        missing_is_skip(),
        brand.running(text, port=deployment.port),
        walking(house, deployment, **fault.address) as walk,
    ):
        found = walk.says(fault.check)
    assert (found.severity, fault.said in found.what) == (fault.severity, True), found
    assert fault.line in found.line, found
