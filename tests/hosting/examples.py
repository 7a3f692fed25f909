"""The files of config/examples/, from the templates: `python -m tests.hosting.examples` writes them."""

from __future__ import annotations

from pathlib import Path

from jupyter_totp_auth.hosting import KINDS, Deployment, Tls, Upstream, network, render

FOLDER = Path(__file__).parents[2] / "config" / "examples"

HOST = Deployment("jupyter.example.org")
PATH = Deployment("example.org", base_url="/jupyterlab/")
SOCKET = Deployment("jupyter.example.org", upstream=Upstream.parse("unix:/run/jupyter/jupyter.sock"))
LETS_ENCRYPT = Deployment("jupyter.example.org", tls=Tls.ACME)
INNER = Deployment("jupyter.example.org", tls=Tls.NONE, behind=(network("192.0.2.0/28"),))


def examples() -> dict[str, str]:
    """By file name: each proxy at a host and under a path, and what else is different enough to be read."""
    texts = {}
    for name, end in (("nginx", "conf"), ("apache", "conf"), ("haproxy", "cfg"), ("caddy", "Caddyfile")):
        kind = KINDS[name]
        texts[f"{name}-host.{end}"] = render(kind, HOST)
        texts[f"{name}-path.{end}"] = render(kind, PATH)
        texts[f"{name}-socket.{end}"] = render(kind, SOCKET)
        texts[f"{name}-acme.{end}"] = render(kind, LETS_ENCRYPT)
        texts[f"{name}-behind-another.{end}"] = render(kind, INNER)
    texts["apache-wstunnel.conf"] = render(KINDS["apache"], HOST, wstunnel=True)
    for name, deployment in (("host", HOST), ("path", PATH), ("socket", SOCKET)):
        texts[f"jupyter-{name}_server_config.py"] = render(KINDS["jupyter"], deployment)
        texts[f"jupyter-{name}.service"] = render(KINDS["systemd"], deployment)
    return texts


def write() -> None:
    """Make the folder what the templates say, and nothing else."""
    FOLDER.mkdir(exist_ok=True)
    texts = examples()
    for old in FOLDER.iterdir():
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
