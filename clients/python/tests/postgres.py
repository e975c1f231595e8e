"""A PostgreSQL server of a test's own, where PostgreSQL is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Where distributions keep the server's programs, beside PATH.
FOLDERS = Path("/usr/lib/postgresql")
PROGRAMS = ("initdb", "postgres", "pg_isready")
# Somebody who is not root, which PostgreSQL refuses to be.
USERS = ("postgres", "nobody")
PATIENCE_S = 60.0
PAUSE_S = 0.05


def programs() -> Path | None:
    """The folder of the server's programs, if there is one."""
    places = [folder / "bin" for folder in sorted(FOLDERS.glob("*"), reverse=True)]
    found = shutil.which("initdb")
    places += [Path(found).parent] if found else []
    return next((place for place in places if all((place / name).is_file() for name in PROGRAMS)), None)


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {line.split(":")[0] for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines()}
    return next(user for user in USERS if user in known)


@contextmanager
def database(place: Path) -> Iterator[str]:
    """The address of a new database on a new server, which ends with this."""
    user = _other_user()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        if user is not None:
            shutil.chown(folder, user)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        data = f"{folder}/data"
        made = [place / "initdb", "-D", data, "-U", "foldwise", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        settings = ["-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([place / "postgres", "-D", data, *settings], user=user, cwd=folder, **quiet)
        try:
            _wait(place, port)
            yield f"postgres://foldwise@127.0.0.1:{port}/postgres"
        finally:
            server.kill()
            server.wait()


def _wait(place: Path, port: int) -> None:
    began = time.monotonic()
    while subprocess.run([place / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode:
        assert time.monotonic() - began < PATIENCE_S, "PostgreSQL does not start"
        time.sleep(PAUSE_S)
