"""Certificates for 127.0.0.1, and for made-up names, that only one test trusts."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = timedelta(days=2)


def self_signed(folder: Path, *hosts: str, ends: timedelta = _DAYS) -> tuple[Path, Path]:
    """Certificate and key, as files. ``ends``: how long from now it is good; negative: it was."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, "127.0.0.1", hosts, by=(key, "127.0.0.1"), length=0, ends=ends)
    return _written(folder, certificate, key)


def chained(folder: Path, *hosts: str) -> tuple[Path, Path]:
    """Certificate and key of a server, without the certificate between it and the root (``root.pem``)."""
    root, middle, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    trusted = _certificate(root, "root", (), by=(root, "root"), length=1)
    (folder / "root.pem").write_bytes(trusted.public_bytes(serialization.Encoding.PEM))
    return _written(folder, _certificate(own, "server", hosts, by=(middle, "middle"), length=None), own)


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    hosts: tuple[str, ...],
    *,
    by: tuple[ec.EllipticCurvePrivateKey, str],
    length: int | None,
    ends: timedelta = _DAYS,
) -> x509.Certificate:
    """``by``: the key and the name that sign it. ``length``: of an authority's path; None: no authority."""
    now = datetime.now(timezone.utc)
    names = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        *(x509.DNSName(host) for host in ("localhost", *hosts)),
    ]
    signing, issuer = by
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=length is not None, path_length=length), critical=True)
        .sign(signing, hashes.SHA256())
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _written(
    folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    shown, kept = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    kept.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return shown, kept
