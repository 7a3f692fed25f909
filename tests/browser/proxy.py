"""nginx with TLS in front of a server: the least configuration that Jupyter needs, and a certificate."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PROXY_ADDRESS = "127.0.0.2"
"""Where nginx speaks from: another address than the browser's, so that the log can tell them apart."""


def nginx_text(*, port: int, host: str, base_url: str, server_port: int) -> str:
    """A site of nginx. No ``proxy_redirect``: a Location that needs mending must show."""
    return f"""
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name {host};
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        location {base_url} {{
            proxy_pass http://127.0.0.1:{server_port};
            proxy_bind {PROXY_ADDRESS};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffering off;
            proxy_redirect off;
            proxy_read_timeout 1d;
        }}
    }}
    """


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate and its key, in PEM."""

    certificate: bytes
    key: bytes

    @property
    def files(self) -> dict[str, bytes]:
        """By the names in :func:`nginx_text`."""
        return {"certificate.pem": self.certificate, "key.pem": self.key}


def self_signed(host: str) -> Certificate:
    """For a name, and for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@dataclass(frozen=True)
class Answer:
    """What a server said, redirects not followed."""

    status: int
    location: str | None
    body: str


def ask(url: str, *, certificate: Certificate | None, headers: Mapping[str, str]) -> Answer:
    """GET from 127.0.0.1 whatever name is in the URL, as ``curl --resolve`` does."""
    parts = urlsplit(url)
    assert parts.port is not None
    connection: http.client.HTTPConnection
    if certificate is None:
        connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30)
    else:
        trust = ssl.create_default_context(cadata=certificate.certificate.decode())
        connection = http.client.HTTPSConnection("127.0.0.1", parts.port, timeout=30, context=trust)
    try:
        connection.request("GET", parts.path, headers={"Host": parts.netloc, **headers})
        response = connection.getresponse()
        return Answer(response.status, response.getheader("Location"), response.read().decode())
    finally:
        connection.close()
