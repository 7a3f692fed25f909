"""A certificate is renewed where its files have changed, and told of where it cannot be used: once."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_totp_auth.web.certificates import BadCertificate, Certificates
from tests.harness.tls import self_signed

LOG = logging.getLogger("tests.web")


def test_a_look_renews_what_has_changed_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = self_signed(tmp_path)
    found = Certificates({"certfile": str(certificate), "keyfile": str(key)}, LOG)
    server = SimpleNamespace(ssl_options=None)
    found.show_on(server)
    first = server.ssl_options
    assert first is found.context
    with caplog.at_level(logging.INFO):
        found.look(server)
        assert server.ssl_options is first
        assert caplog.messages == []

        certificate.write_text("half of it")
        for _ in range(3):
            found.look(server)
        assert server.ssl_options is first
        (said,) = caplog.messages
        assert "The certificate cannot be used" in said
        assert said.endswith("The one before is shown on.")

        self_signed(tmp_path)
        found.look(server)
        assert server.ssl_options is found.context is not first
        assert caplog.messages[1].endswith("the certificate has changed, and the new one is shown.")


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match=r"none\.pem"):
        Certificates({"certfile": str(tmp_path / "none.pem")}, LOG)
