"""The verb ``config``: the files of a deployment – proxy, service, Jupyter's own configuration."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .terminal import insist_on_consent, is_interactive, note, say
from .verb import Verb, WrongUsage, takes_yes

if TYPE_CHECKING:
    from ..hosting import Deployment, Installation, Kind
    from .context import Context

_KINDS = ("nginx", "apache", "haproxy", "caddy", "systemd", "jupyter")
_TLS = ("files", "acme", "none")


class ConfigVerb(Verb):
    """``jupyter totp config``."""

    name = "config"
    summary = "make the file of a proxy, of the service or of Jupyter"
    about = (
        "Print the whole, commented file that puts this server behind a proxy under its own name: of nginx, "
        "Apache, HAProxy or Caddy, of systemd, or Jupyter's own. All come from one description: give each of "
        "them the same options. --write puts the file in its place, shows first what changes, and keeps what "
        "was there."
    )
    example = "jupyter totp config nginx --domain jupyter.example.org --tls acme"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", metavar="FILE", choices=_KINDS, help=" | ".join(_KINDS))
        parser.add_argument("--domain", metavar="NAME", required=True, help="the name in the address bar")
        parser.add_argument(
            "--base-url", metavar="PATH", help="the path there (/jupyterlab/); else as configured"
        )
        parser.add_argument(
            "--upstream",
            metavar="PLACE",
            default="127.0.0.1:8888",
            help="where Jupyter listens: HOST:PORT or unix:/PATH (127.0.0.1:8888)",
        )
        parser.add_argument(
            "--tls",
            metavar="HOW",
            choices=_TLS,
            default="files",
            help="the certificate: files (default), acme (Let's Encrypt), or none: plain http",
        )
        parser.add_argument(
            "--behind",
            metavar="CIDR",
            nargs="+",
            action="extend",
            default=[],
            help="networks of the proxies further out, which say who the client is",
        )
        _takes_places(parser)
        parser.add_argument(
            "--apache-wstunnel", action="store_true", help="for Apache before 2.4.47: mod_proxy_wstunnel"
        )
        parser.add_argument("--write", action="store_true", help="put the file in its place")
        parser.add_argument("--to", metavar="FILE", help="with --write: another place than Debian's")
        takes_yes(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..hosting import KINDS, BadDeployment, Installation, render

        if arguments.apache_wstunnel and arguments.kind != "apache":
            raise WrongUsage("--apache-wstunnel is for Apache")
        if arguments.to and not arguments.write:
            raise WrongUsage("--to goes with --write")
        kind = KINDS[arguments.kind]
        try:
            deployment = _deployment(arguments, context)
            text = render(kind, deployment, wstunnel=arguments.apache_wstunnel)
        except BadDeployment as bad:
            raise WrongUsage(str(bad)) from None
        if not arguments.write:
            sys.stdout.write(text)  # not by say(): lines of a file, of plain letters alone
            return
        path = Path(arguments.to).expanduser().absolute() if arguments.to else Path(kind.place(deployment))
        _install(Installation(path, text), kind, yes=arguments.yes)


def _takes_places(parser: ArgumentParser) -> None:
    """What has a default on a Debian machine."""
    parser.add_argument("--certificate", metavar="FILE", help="with --tls files: the chain, in PEM")
    parser.add_argument("--key", metavar="FILE", help="its key, in PEM")
    parser.add_argument("--listen", metavar="ADDRESS", default="", help="listen on this address only")
    parser.add_argument("--https-port", metavar="PORT", type=int, default=443, help="instead of 443")
    parser.add_argument("--http-port", metavar="PORT", type=int, default=80, help="instead of 80")
    parser.add_argument("--user", metavar="NAME", default="jupyter", help="the account of the service")
    parser.add_argument("--home", metavar="FOLDER", default="/srv/jupyter", help="its home")
    parser.add_argument("--venv", metavar="FOLDER", help="where Jupyter is installed; else this one")


def _deployment(arguments: Namespace, context: Context) -> Deployment:
    """From what was typed. Raises BadDeployment, and NotDone where a configuration file has an error."""
    from ..hosting import Deployment, Tls, Upstream, network, prefix

    typed = arguments.base_url
    return Deployment(
        domain=arguments.domain.lower().rstrip("."),
        # As the server has it, so that the two sides cannot differ by an oversight.
        base_url=context.options.base_url if typed is None else prefix(typed),
        upstream=Upstream.parse(arguments.upstream),
        tls=Tls(arguments.tls),
        behind=tuple(dict.fromkeys(map(network, arguments.behind))),
        https_port=arguments.https_port,
        http_port=arguments.http_port,
        listen=arguments.listen,
        certificate=arguments.certificate or "",
        key=arguments.key or "",
        user=arguments.user,
        venv=arguments.venv or sys.prefix,
        home=arguments.home,
    )


def _install(installation: Installation, kind: Kind, *, yes: bool) -> None:
    """The diff, the question where there is somebody to ask, the file, and what to do next."""
    diff = installation.diff()
    if not diff:
        say(f"{installation.path} is as it should be.")
        return
    for line in diff.splitlines():
        say(line)
    # --write is the consent; whoever sits there may still say no to what they see.
    if is_interactive():
        insist_on_consent(f"Write {installation.path}?", yes=yes)
    backup = installation.write()
    note(f"Written: {installation.path}" + (f"; what was there: {backup}" if backup else ""))
    for command in kind.then:
        note(f"Next: {command.format(path=installation.path, file=installation.path.name)}")
