"""The files of a study's own data, sent to the coordinator as one archive that is named by its digest."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from blake3 import blake3

from foldwise.connection import UPLOAD_S, Connection
from foldwise.errors import FoldwiseError
from foldwise.spec import SpecText
from foldwise.v1 import study_pb2

# Where `[data]` names files, in the order in which an archive has them: the n-th lies under `n/`.
_SOURCES = {
    "idx": ("train_features", "train_labels", "test_features", "test_labels"),
    "csv": ("train", "test"),
    "parquet": ("train", "test"),
    "npz": ("train", "test"),
    "safetensors": ("train", "test"),
    "images": ("train", "test"),
}
_PART_BYTES = 1 << 20
_TRIES = 5


def send(connection: Connection, text: SpecText) -> str:
    """Sends the files that a spec names, if they are here; the parcel's digest, or nothing where none was sent.

    A spec in YAML is read where PyYAML is installed, one in TOML by Python 3.11 and later.
    """
    paths = list(_paths((text.content() or {}).get("data")))
    missing = [path for path in paths if not path.exists()]
    if not paths or len(missing) == len(paths):
        return ""
    if missing:
        remedy = "put it beside them, or submit with upload=False where coordinator and workers find all of them"
        raise FoldwiseError(f"{missing[0]} is not here", "other files of [data] are", remedy)
    with tempfile.TemporaryFile(prefix="foldwise-parcel-") as file:
        try:
            digest = _pack(paths, file)
        except OSError as error:
            raise FoldwiseError("could not put the files of [data] together", str(error)) from None
        _upload(connection, digest, file)
    return digest


def _paths(data: Any) -> Iterator[Path]:
    for source, fields in _SOURCES.items():
        named = data.get(source) if isinstance(data, dict) else None
        for field in fields:
            path = named.get(field) if isinstance(named, dict) else None
            if isinstance(path, str):
                yield Path(path)


def _pack(paths: list[Path], out: IO[bytes]) -> str:
    """Nothing but names and bytes is in it, so that equal files make equal archives."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for position, path in enumerate(paths):
            if path.is_dir():
                inside = sorted(file for file in path.rglob("*") if file.is_file())
                names = [f"{position}/{file.relative_to(path).as_posix()}" for file in inside]
            else:
                inside, names = [path], [f"{position}/{path.name}"]
            for file, name in zip(inside, names, strict=True):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = file.stat().st_size, 0o644
                with file.open("rb") as content:
                    archive.addfile(entry, content)
    out.seek(0)
    hasher = blake3()
    while part := out.read(_PART_BYTES):
        hasher.update(part)
    return hasher.hexdigest()


def _upload(connection: Connection, digest: str, file: IO[bytes]) -> None:
    look, attempt = study_pb2.FindParcelRequest(digest=digest), "send the files of the study"
    for left in reversed(range(_TRIES)):
        found = connection.call("FindParcel", look, study_pb2.FindParcelResponse, attempt)
        if found.kept:
            return
        try:
            parts = _parts(digest, file, found.partial_bytes)
            connection.upload("UploadParcel", parts, study_pb2.UploadParcelResponse, attempt, timeout_s=UPLOAD_S)
            return
        except FoldwiseError:
            # It goes on where it came to, unless it was refused for good.
            if left == 0:
                raise


def _parts(digest: str, file: IO[bytes], offset: int) -> Iterator[study_pb2.UploadParcelRequest]:
    yield study_pb2.UploadParcelRequest(digest=digest, offset=offset)
    file.seek(offset, os.SEEK_SET)
    while data := file.read(_PART_BYTES):
        yield study_pb2.UploadParcelRequest(data=data)
