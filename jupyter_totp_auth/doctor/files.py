"""Files of the login: who else can read or write them, and what lies where it should not."""

from __future__ import annotations

import os
import site
import stat
import sys
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir

from . import config_files, modes
from .finding import NothingThere, Verdict, check, green, red, yellow
from .modes import listed, spelled
from .subject import Subject

_PACKAGE = Path(__file__).parents[1]


@check(
    "keyring-mode",
    about="others can read or change the keyring, or it is a link",
    why="Whoever has the keyring and a copy of the store can compute everybody's codes.",
)
def _keyring_mode(subject: Subject) -> Verdict:
    path = subject.places.keyring
    if path.is_symlink() and not _is_credential(path):
        return red(f"The keyring {path} is a symbolic link.", f"mv {spelled([path.resolve(), path])}")
    if modes.others_reach(path) and not _is_credential(path):
        return red(f"Others can reach the keyring {path}, or own it.", _own(path, 600))
    return green("Nobody else reaches the keyring.")


@check(
    "keyring-folder",
    about="others can write in the keyring's folder",
    why="Whoever may write there can put another keyring in its place, or take it away.",
)
def _keyring_folder(subject: Subject) -> Verdict:
    path = subject.places.keyring
    folder = path.parent
    if modes.others_write(folder) and not _is_credential(path):
        return red(f"Others can write in the keyring's folder {folder}.", _own(folder, 700))
    return green("Nobody else writes in the keyring's folder.")


@check(
    "store-mode",
    about="others can read or change the store, or SQLite's files beside it",
    why="It holds names, addresses and the sealed secrets; what is written into it is believed.",
)
def _store_mode(subject: Subject) -> Verdict:
    path = _database(subject)
    family = [path, *(path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))]
    reached = [place for place in family if modes.others_reach(place)]
    if reached:
        return red(f"Others can reach, or own: {listed(reached)}.", f"chmod 600 {spelled(reached)}")
    return green("Nobody else reaches the store.")


@check(
    "store-folder",
    about="others can write in the store's folder",
    why="Whoever may write there can put an older store in its place, with ended logins and used codes.",
)
def _store_folder(subject: Subject) -> Verdict:
    folder = _database(subject).parent
    if modes.others_write(folder):
        return red(f"Others can write in the store's folder {folder}.", _own(folder, 700))
    return green("Nobody else writes in the store's folder.")


@check(
    "store-copies",
    about="old copies of the store beside it, from a migration or a restore",
    why="They hold passwords and phones as they were then, also of people who have gone since.",
)
def _store_copies(subject: Subject) -> Verdict:
    path = _database(subject)
    copies = sorted(path.parent.glob(f"{path.name}.before-*"))
    readable = [copy for copy in copies if modes.others_reach(copy)]
    if readable:
        return red(f"Others can reach old copies of the store: {listed(readable)}.", _rm(readable))
    if copies:
        return yellow(f"Old copies of the store lie beside it: {listed(copies)}.", _rm(copies))
    return green("No old copies of the store.")


@check(
    "key-beside-store",
    about="keyring and store in one folder",
    why="A backup or a copy of that folder has both halves, and opens everything.",
)
def _key_beside_store(subject: Subject) -> Verdict:
    keyring, database = subject.places.keyring.absolute(), _database(subject).absolute()
    if keyring.parent.resolve() == database.parent.resolve():
        line = f'c.TotpAuth.key_file = "{keyring.parent.parent / "totp-key" / "keyring"}"'
        return red(
            f"Keyring and store lie in one folder, {keyring.parent}.", f"{line}  (move it there first)"
        )
    return green("Keyring and store lie apart.")


@check(
    "keyring-leftovers",
    about="what a rekey that was killed left beside the keyring",
    why="Each is a whole keyring that no backup rule and no rekey knows of.",
)
def _keyring_leftovers(subject: Subject) -> Verdict:
    path = subject.places.keyring
    left = sorted(path.parent.glob(f".{path.name}.*"))
    if left:
        return yellow(f"Left beside the keyring: {listed(left)}.", "jupyter totp rekey")
    return green("Nothing is left beside the keyring.")


@check(
    "store-in-notebooks",
    about="keyring or store in the notebook folder (yellow: none is set, and it is this one if started here)",
    why="What lies there can be opened and downloaded with any login; the server refuses to start.",
)
def _store_in_notebooks(subject: Subject) -> Verdict:
    configured = subject.server("root_dir") or subject.server("notebook_dir")
    root = Path(str(configured)).expanduser().resolve() if configured else Path.cwd()
    hidden_too = bool(subject.option("ContentsManager", "allow_hidden", default=False))
    for path in (subject.places.keyring.resolve(), *_file(subject)):
        if path.is_relative_to(root):
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if hidden_too or not hidden:
                # Without the option it is the folder that a server is started in, which need not be this one.
                verdict = red if configured else yellow
                return verdict(f"{path} lies in the notebook folder {root}.", _ELSEWHERE)
    return green(f"Neither half of the store can be opened from the notebook folder {root}.")


_ELSEWHERE = 'c.ServerApp.root_dir = "…"  (elsewhere)'


@check(
    "config-writable",
    about="others can write in Jupyter's configuration",
    why="A configuration file is a program that the server runs: whoever writes it is the server.",
)
def _config_writable(subject: Subject) -> Verdict:
    files = [file.path for file in subject.files]
    folders = [folder for folder in config_files.folders() if folder.is_dir()]
    inside = [folder / "jupyter_server_config.d" for folder in folders]
    inside += [path for folder in inside for path in folder.glob("*.json")]
    written = [path for path in (*files, *folders, *inside) if modes.others_write(path)]
    if written:
        return red(f"Others can write: {listed(written)}.", f"chmod go-w {spelled(written)}")
    return green("Nobody else writes Jupyter's configuration.")


@check(
    "config-secret",
    about="a password in a configuration file that others can read",
    why="The database's password, or Jupyter's own, is then known to every user of this machine.",
)
def _config_secret(subject: Subject) -> Verdict:
    named = [file.path for file in subject.files if _has_secret(file) and modes.others_read(file.path)]
    if named:
        return red(f"Others can read a password in {listed(named)}.", f"chmod 600 {spelled(named)}")
    return green("No password stands where others can read it.")


@check(
    "data-writable",
    about="others can write in Jupyter's data or runtime folder",
    why="Kernel definitions there are programs that the server starts; connections to kernels stand there.",
)
def _data_writable(subject: Subject) -> Verdict:
    del subject
    data, runtime = Path(jupyter_data_dir()), Path(jupyter_runtime_dir())
    places = [data, data / "kernels", *data.glob("kernels/*/kernel.json"), runtime]
    written = [path for path in places if modes.others_write(path)]
    if written:
        return red(f"Others can write: {listed(written)}.", f"chmod go-w {spelled(written)}")
    return green("Nobody else writes Jupyter's data.")


@check(
    "code-writable",
    about="the login's own code can be changed: by its user (yellow), by others (red)",
    why="Whoever is logged in runs as that user, and can have the login record the next person's password.",
)
def _code_writable(subject: Subject) -> Verdict:
    del subject
    places = list(dict.fromkeys([_PACKAGE, _PACKAGE.parent, Path(sys.prefix)]))
    above = {place for path in places for place in modes.with_parents(path)}
    # A folder like /tmp lets others add files, and not replace these.
    written = [path for path in sorted(above) if modes.others_write(path) and not _is_sticky(path)]
    if written:
        return red(
            f"Others can change the login's code: {listed(written)}.", f"chmod go-w {spelled(written)}"
        )
    own = [path for path in places if modes.is_own(path)]
    if own:
        line = f"chown -R root: {spelled([Path(sys.prefix)])}"
        return yellow(f"The server's own user can change the login's code: {listed(own)}.", line)
    return green("The server's user cannot change the login's code.")


@check(
    "user-site",
    about="Python loads modules from the user's own folder",
    why="A notebook can put a module there that the next start of the server loads (usercustomize, *.pth).",
)
def _user_site(subject: Subject) -> Verdict:
    del subject
    if site.ENABLE_USER_SITE:
        return yellow(
            f"Python loads modules from {site.getusersitepackages()}.", "Environment=PYTHONNOUSERSITE=1"
        )
    return green("Python does not look into the user's own folder.")


@check(
    "tls-key-mode",
    about="others can read the key of the TLS certificate",
    why="Whoever has it can be this server.",
)
def _tls_key_mode(subject: Subject) -> Verdict:
    configured = subject.server("keyfile")
    path = Path(str(configured)).expanduser() if configured else None
    if path is not None and path.exists() and path.stat().st_mode & stat.S_IROTH:
        return red(f"Everybody can read the TLS key {path}.", f"chmod o-rwx {spelled([path])}")
    return green("Nobody else reads a TLS key of Jupyter's.")


def _is_credential(path: Path) -> bool:
    """Whether systemd handed it over: it sees to owner and mode."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.parent == Path(folder or "")


def _database(subject: Subject) -> Path:
    if subject.database is None:
        raise NothingThere("The store is a database server's")
    return subject.database


def _file(subject: Subject) -> list[Path]:
    return [] if subject.database is None else [subject.database.resolve()]


def _has_secret(file: config_files.ConfigFile) -> bool:
    text = str(file.config.get("TotpAuth", {}).get("database_url", ""))
    in_url = "@" in text and ":" in text.rpartition("@")[0].partition("://")[2]
    stock = any(
        file.config.get(section, {}).get(name)
        for section in ("IdentityProvider", "PasswordIdentityProvider", "ServerApp")
        for name in ("token", "password", "hashed_password")
    )
    return in_url or "password=" in text or stock


def _is_sticky(path: Path) -> bool:
    return path.is_dir() and bool(path.stat().st_mode & stat.S_ISVTX)


def _own(path: Path, mode: int) -> str:
    return f"chown $USER {spelled([path])} && chmod {mode} {spelled([path])}"


def _rm(paths: list[Path]) -> str:
    return f"rm {spelled(paths)}"


CHECKS = (
    _keyring_mode,
    _keyring_folder,
    _store_mode,
    _store_folder,
    _store_copies,
    _key_beside_store,
    _keyring_leftovers,
    _store_in_notebooks,
    _config_writable,
    _config_secret,
    _data_writable,
    _code_writable,
    _user_site,
    _tls_key_mode,
)
