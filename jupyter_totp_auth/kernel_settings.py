"""The options about kernels and terminals: a part of ``TotpAuth``, in a file of its own for its size."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Enum, TraitError, Unicode, validate
from traitlets.config import LoggingConfigurable

from .core.true_names import is_git_identity


class KernelOptions(LoggingConfigurable):
    """What ``settings.TotpAuth`` inherits; set as ``c.TotpAuth.<option>``."""

    own_kernels = Bool(
        default_value=False,
        help=(
            "Whether a kernel or a terminal is for whoever started it: others see it run, but cannot use or "
            "stop it (administrators can stop it). It keeps order among colleagues, not secrets."
        ),
    ).tag(config=True)

    git_identity = Unicode(
        "",
        help=(
            "An e-mail address with {username} in it, e.g. '{username}@example.org': git in kernels and "
            "terminals then commits in the name of the person who started them. Empty: off."
        ),
    ).tag(config=True)

    audit_cells = Enum(
        ["off", "digest", "full"],
        default_value="off",
        help=(
            "Whether the audit log says who ran what in kernels: not (off), with the code's SHA-256 "
            "(digest), or with the code itself, up to 8,000 bytes (full)."
        ),
    ).tag(config=True)

    audit_terminals = Bool(
        default_value=False,
        help="Whether the audit log says who opened and closed which terminal. Never what is typed there.",
    ).tag(config=True)

    @validate("git_identity")
    def _check_git_identity(self, proposal: Any) -> Any:
        if proposal.value and not is_git_identity(proposal.value):
            raise TraitError(
                "git_identity: an e-mail address in which {username} may stand, as {username}@example.org"
            )
        return proposal.value
