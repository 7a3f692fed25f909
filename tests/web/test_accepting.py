"""A machine without descriptors: connections wait, the loop rests, one line is written (N20)."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from jupyter_totp_auth.web.accepting import PatientListener, accept_patiently

LOG = logging.getLogger("tests.web")


def test_who_cannot_be_taken_waits_and_is_taken_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries, short = [], [True]
    real = PatientListener.accept

    class Short:
        """A listening socket of a machine that is short of descriptors."""

        def __init__(self, listener: socket.socket) -> None:
            self._listener = listener

        def accept(self) -> Any:
            tries.append(1)
            if short[0]:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return self._listener.accept()

        def fileno(self) -> int:
            return self._listener.fileno()

    def accept(self: Any) -> Any:
        if not isinstance(self._listener, Short):
            self._listener = Short(self._listener)
        return real(self)

    async def test() -> None:
        server = HTTPServer(lambda request: request.connection.finish())
        (listener,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([listener])
        accept_patiently(server, LOG)
        monkeypatch.setattr(PatientListener, "accept", accept)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(1.3)
        assert 2 <= len(tries) <= 4, "it does not try without a pause"
        short[0] = False
        writer.write(b"nonsense\r\n\r\n")
        await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
        server.stop()
        await server.close_all_connections()

    asyncio.run(test())
    assert caplog.text.count("New connections have to wait") == 1


def test_what_is_no_shortage_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        patient = PatientListener(listener, LOG)
        with pytest.raises(BlockingIOError):
            patient.accept()
        assert patient.fileno() == listener.fileno()
        patient.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            patient.accept()
