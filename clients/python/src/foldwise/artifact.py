"""Kept files: fetched in parts, checked against their digest, and saved as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from blake3 import blake3

from foldwise.connection import Connection
from foldwise.errors import DamagedError, FoldwiseError
from foldwise.v1 import study_pb2

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
# The coordinator keeps none that is larger.
ARTIFACT_BYTES_MAX = 4 << 30
# What a new file may be used for, before the process's mask.
_MODE = 0o666


def save(connection: Connection, digest: str, path: str | os.PathLike[str]) -> Path:
    """Saves a kept file in the place of whatever is there; where it lies."""
    if not _DIGEST.fullmatch(digest):
        remedy = "report().final.weights_digest is one"
        raise FoldwiseError(f"`{digest}` is not a BLAKE3 digest", "it has 64 hexadecimal digits", remedy)
    path = Path(path).expanduser()
    what = f"could not save {path}"
    if path.is_dir():
        raise FoldwiseError(what, "it is a folder", f"name a file in it, such as {path / 'model.safetensors'}")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise FoldwiseError(what, f"{path.parent}: {error.strerror or error}") from None
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fetch(connection, digest, file)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(_MODE & ~_mask())
        part.replace(path)
    except OSError as error:
        if isinstance(error, FoldwiseError):
            raise
        raise FoldwiseError(what, error.strerror or str(error)) from None
    finally:
        # It is gone where all went well.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def _fetch(connection: Connection, digest: str, file: object) -> None:
    hasher, length = blake3(), 0
    request = study_pb2.GetArtifactRequest(digest=digest)
    for chunk in connection.stream("GetArtifact", request, study_pb2.Chunk, "get the artifact"):
        hasher.update(chunk.data)
        length += len(chunk.data)
        if length > ARTIFACT_BYTES_MAX:
            why = f"it has more than {ARTIFACT_BYTES_MAX} bytes"
            raise DamagedError("the coordinator sent another file", f"{why}; nothing was saved")
        file.write(chunk.data)  # type: ignore[attr-defined]
    found = hasher.hexdigest()
    if found != digest.lower():
        why = f"its BLAKE3 is {found}, its length {length} bytes; nothing was saved"
        raise DamagedError(f"the coordinator sent another file than {digest}", why, "try again in a moment")


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
