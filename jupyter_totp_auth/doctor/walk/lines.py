"""What to write, in the language of the proxy that answered.

The lines are those that ``jupyter totp config`` makes; a test holds them to its templates. In braces: what is
known of this deployment. Where a proxy does a thing by itself, its line is what takes that away.
"""

from __future__ import annotations

from enum import Enum

from .brands import Brand


class Fault(Enum):
    """What can be wrong in a proxy's file."""

    CHAIN = "certificate"
    PLAIN = "plain http"
    HSTS = "HSTS"
    UPSTREAM = "upstream"
    PATH = "path"
    LOCATION = "location"
    HOST = "host"
    ORIGIN = "origin"
    SCHEME = "scheme"
    CLIENT = "client"
    OTHERS = "other headers"
    UPGRADE = "upgrade"
    IDLE = "idle"
    REDIRECT = "redirects"
    STATIC = "static files"
    COOKIES = "cookies"
    BODY = "body"
    BUFFERING = "buffering"
    BASIC = "HTTP Basic"


_N, _A, _H, _C = Brand.NGINX, Brand.APACHE, Brand.HAPROXY, Brand.CADDY

_LINES: dict[Fault, dict[Brand, str]] = {
    Fault.CHAIN: {
        _N: "ssl_certificate /etc/letsencrypt/live/{domain}/fullchain.pem;",
        _A: "SSLCertificateFile /etc/letsencrypt/live/{domain}/fullchain.pem",
        _H: "bind :::443 v4v6 ssl crt /etc/haproxy/certs/{domain}.pem  (the chain, then the key)",
        _C: "tls /etc/letsencrypt/live/{domain}/fullchain.pem /etc/letsencrypt/live/{domain}/privkey.pem",
    },
    Fault.PLAIN: {
        _N: "location / {{ return 301 {origin}$request_uri; }}",
        _A: "Redirect permanent / {origin}/",
        _H: "http-request redirect prefix {origin} code 301",
        _C: "redir {origin}{{uri}} 301",
    },
    Fault.HSTS: {
        _N: 'add_header Strict-Transport-Security "max-age=63072000" always;',
        _A: 'Header always set Strict-Transport-Security "max-age=63072000"',
        _H: 'http-after-response set-header Strict-Transport-Security "max-age=63072000"',
        _C: 'header Strict-Transport-Security "max-age=63072000"',
    },
    Fault.UPSTREAM: {
        _N: "proxy_pass http://{upstream};",
        _A: 'ProxyPass "{base_url}" "http://{upstream}{base_url}" upgrade=websocket nocanon',
        _H: "server jupyter {upstream} check inter 5s fall 3 rise 1",
        _C: "reverse_proxy {upstream}",
    },
    Fault.PATH: {
        _N: "proxy_pass http://{upstream};  (nothing behind it, not even a slash)",
        _A: 'ProxyPass "{base_url}" "http://{upstream}{base_url}" nocanon, and AllowEncodedSlashes NoDecode',
        _H: "take out what rewrites the path: http-request set-path, replace-path, normalize-uri",
        _C: "reverse_proxy {upstream}, not in handle_path, and with no uri and no rewrite before it",
    },
    Fault.LOCATION: {
        _N: "location {base_url} {{ proxy_pass http://{upstream}; }}",
        _A: 'ProxyPass "{base_url}" "http://{upstream}{base_url}" upgrade=websocket nocanon',
        _H: "use_backend jupyter if {{ path_beg {base_url} }}",
        _C: "reverse_proxy {base_url}* {upstream}",
    },
    Fault.HOST: {
        _N: "proxy_set_header Host $http_host;",
        _A: "ProxyPreserveHost On",
        _H: "take out: http-request set-header Host, and replace-header Host",
        _C: "take out: header_up Host",
    },
    Fault.ORIGIN: {
        _N: "take out: proxy_set_header Origin",
        _A: "take out: RequestHeader unset Origin, or set Origin",
        _H: "take out: http-request del-header Origin, or set-header Origin",
        _C: "take out: header_up Origin, and header_up -Origin",
    },
    Fault.SCHEME: {
        _N: "proxy_set_header X-Forwarded-Proto $scheme;",
        _A: 'RequestHeader set X-Forwarded-Proto "https"',
        _H: "http-request set-header X-Forwarded-Proto https",
        _C: "take out: header_up X-Forwarded-Proto  (Caddy sets it itself)",
    },
    Fault.CLIENT: {
        _N: "proxy_set_header X-Forwarded-For $remote_addr;",
        _A: "ProxyAddHeaders On, and RequestHeader unset X-Forwarded-For",
        _H: "option forwardfor, and http-request del-header X-Forwarded-For",
        _C: "take out: header_up X-Forwarded-For, and trusted_proxies for networks of clients",
    },
    Fault.OTHERS: {
        _N: 'proxy_set_header {name} "";',
        _A: "RequestHeader unset {name}",
        _H: "http-request del-header {name}",
        _C: "header_up -{name}",
    },
    Fault.UPGRADE: {
        _N: (
            "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
            "proxy_set_header Connection $http_connection;"
        ),
        _A: 'ProxyPass "{base_url}" "http://{upstream}{base_url}" upgrade=websocket nocanon',
        _H: "take out what drops Upgrade or Connection: http-request del-header, and option httpclose",
        _C: "take out: header_up and request_header for Upgrade and Connection",
    },
    Fault.IDLE: {
        _N: "proxy_read_timeout 86400s; proxy_send_timeout 86400s;",
        _A: "ProxyTimeout 86400, and timeout=86400 in ProxyPass",
        _H: "timeout tunnel 86400s",
        _C: "take out: stream_timeout, and the read_timeout and write_timeout of transport http",
    },
    Fault.REDIRECT: {
        _N: "proxy_redirect off;",
        _A: "take out: ProxyPassReverse, and Header edit Location",
        _H: "take out: http-response replace-header Location, or set-header Location",
        _C: "take out: header_down Location",
    },
    Fault.STATIC: {
        _N: "location ^~ {base_url} {{ proxy_pass http://{upstream}; }}  (^~: before every location with ~)",
        _A: "take out, or put behind ProxyPass {base_url}: Alias, and ProxyPass … ! for files",
        _H: "take out: the use_backend for files, or put it behind use_backend jupyter",
        _C: "handle {base_url}* {{ reverse_proxy {upstream} }}  (before every file_server)",
    },
    Fault.COOKIES: {
        _N: "proxy_cookie_path off; proxy_cookie_flags off; proxy_cookie_domain off;",
        _A: "take out: Header edit Set-Cookie, ProxyPassReverseCookiePath and ProxyPassReverseCookieDomain",
        _H: "take out: http-response replace-header Set-Cookie, or replace-value Set-Cookie",
        _C: "take out: header_down Set-Cookie",
    },
    Fault.BODY: {
        _N: "client_max_body_size 536870912;",
        _A: "LimitRequestBody 536870912",
        _H: "http-request deny deny_status 413 if {{ req.hdr_val(Content-Length) gt 536870912 }}",
        _C: "request_body {{ max_size 512MiB }}",
    },
    Fault.BUFFERING: {
        _N: "proxy_buffering off;",
        _A: "flushpackets=on in ProxyPass, and no SetOutputFilter for it",
        _H: "take out: the filter that holds answers back",
        _C: "flush_interval -1",
    },
    Fault.BASIC: {
        _N: "auth_basic off;",
        _A: "take out: AuthType Basic and Require valid-user",
        _H: "take out: http-request auth",
        _C: "take out: basicauth (basic_auth)",
    },
}

_IN_WORDS: dict[Fault, str] = {
    Fault.CHAIN: "a certificate for {domain}, with its whole chain",
    Fault.PLAIN: "http://{domain}/… answers with a redirect to {origin}/…",
    Fault.HSTS: "a header Strict-Transport-Security: max-age=63072000 on every answer",
    Fault.UPSTREAM: "requests go on to {upstream}",
    Fault.PATH: "the path goes on as it came, %2F in it included",
    Fault.LOCATION: "everything below {base_url} goes on to {upstream}",
    Fault.HOST: "the Host header goes on as it came",
    Fault.ORIGIN: "the Origin header goes on as it came",
    Fault.SCHEME: "a header X-Forwarded-Proto: https, set by the proxy",
    Fault.CLIENT: "a header X-Forwarded-For with the client's address, set by the proxy",
    Fault.OTHERS: "{name} of a client is dropped",
    Fault.UPGRADE: "WebSockets are passed on: HTTP/1.1, Upgrade and Connection",
    Fault.IDLE: "an open WebSocket may be silent for a day",
    Fault.REDIRECT: "the Location header comes back as it was",
    Fault.STATIC: "files below {base_url} come from Jupyter, too",
    Fault.COOKIES: "the Set-Cookie header comes back as it was",
    Fault.BODY: "bodies of up to 512 MiB",
    Fault.BUFFERING: "answers are passed on as they come, not buffered",
    Fault.BASIC: "no HTTP Basic for {base_url}",
}


def line_for(fault: Fault, brand: Brand, **known: str) -> str:
    """The line, or for a proxy that is not known what it has to do."""
    if brand.is_known:
        return f"{_LINES[fault][brand].format(**known)}  [{brand.value}]"
    return f"In the proxy: {_IN_WORDS[fault].format(**known)}."
