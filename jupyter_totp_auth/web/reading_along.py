"""Sockets for whoever may see what comes out of them, but run and change nothing: kernels, shared documents.

JupyterLab asks each kernel what it is before it shows anything of it: that passes. Code does not, nor
anything else that a kernel acts on; who sends it is told so where the output would stand.

Of a shared document, what asks for it passes, and who is there; no change, and nothing that is not known.
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1
from tornado.websocket import WebSocketHandler

from .awareness import TrueNames
from .kernel_messages import V1, Unreadable, header_of
from .resources import is_document_socket, is_kernel_socket
from .rights import Rights
from .shared_documents import AWARENESS, kind_of, not_saved, only_asks, save_asked_by

_HARMLESS = frozenset({"kernel_info_request", "comm_info_request"})
_NAME = "PermissionError"


class ReadingAlong:
    """Judges open sockets and what comes in on them (``sockets.Judge``)."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights
        self._names = TrueNames()

    def may_stay(self, handler: WebSocketHandler) -> bool:
        """Whether the person behind it may have it open."""
        return self._rights.may_stay(handler)

    def passed(self, handler: WebSocketHandler, message: str | bytes) -> str | bytes | None:
        """The message as its handler may have it; None: not at all."""
        kind: Any = type(handler)
        if is_document_socket(kind):
            return self._of_document(handler, message)
        why_not = self._rights.why_not_run(handler) if is_kernel_socket(kind) else None
        return message if why_not is None or self._is_harmless(handler, message, why_not) else None

    def _of_document(self, handler: WebSocketHandler, message: str | bytes) -> str | bytes | None:
        account, may_change = self._rights.account(handler), self._rights.may_change(handler)
        if account is None:
            return None
        if kind_of(message) == AWARENESS:
            return self._names.held(handler, message, account, may_change=may_change)
        if may_change or only_asks(message):
            return message
        save = save_asked_by(message)
        if save is not None:  # JupyterLab waits for the answer
            handler.write_message(not_saved(save), binary=True)
        return None

    def _is_harmless(self, handler: WebSocketHandler, message: str | bytes, why_not: str) -> bool:
        """Whether a kernel may have it of somebody who may run nothing; who wants to run is told."""
        protocol = getattr(handler, "selected_subprotocol", None)
        try:
            header = header_of(message, protocol)
        except Unreadable:
            return False
        if header.get("msg_type") in _HARMLESS:
            return True
        if header.get("msg_type") == "execute_request":
            for answer in _answers(header, why_not):
                _send(handler, answer, protocol)
        return False


def _answers(asked: dict[str, Any], sentence: str) -> list[dict[str, Any]]:
    """What a kernel would say to code that fails at once."""
    failed = {"status": "error", "ename": _NAME, "evalue": sentence, "traceback": [f"{_NAME}: {sentence}"]}
    return [
        _message("iopub", "status", asked, {"execution_state": "busy"}),
        _message("iopub", "error", asked, failed),
        _message("iopub", "status", asked, {"execution_state": "idle"}),
        _message("shell", "execute_reply", asked, {**failed, "execution_count": 0, "user_expressions": {}}),
    ]


def _message(channel: str, kind: str, asked: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    asked_id = str(asked.get("msg_id", ""))
    header = {**asked, "msg_type": kind, "msg_id": f"{asked_id}-{kind}", "username": "server"}
    return {
        "channel": channel,
        "msg_type": kind,
        "msg_id": header["msg_id"],
        "header": header,
        "parent_header": asked,
        "metadata": {},
        "content": content,
        "buffers": [],
    }


def _send(handler: WebSocketHandler, answer: dict[str, Any], protocol: str | None) -> None:
    if protocol != V1:
        handler.write_message(json.dumps(answer))
        return
    parts = [json.dumps(answer[name]) for name in ("header", "parent_header", "metadata", "content")]
    encoded = [part.encode() for part in parts]
    handler.write_message(serialize_msg_to_ws_v1(encoded, answer["channel"]), binary=True)
