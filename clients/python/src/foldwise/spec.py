"""A study's spec as a person gives it: a file, a text, or a dictionary."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from foldwise.errors import FoldwiseError, Problem, SpecError
from foldwise.v1 import study_pb2

SpecLike = str | os.PathLike[str] | Mapping[str, Any]
"""A path to a study file, the text of one, or the same as a dictionary."""
SpecFormat = Literal["toml", "yaml", "json"]
"""How a text is written."""

# The coordinator's own limit.
SPEC_BYTES_MAX = 1 << 20
_SUFFIXES: dict[str, SpecFormat] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
_FORMATS: dict[SpecFormat, study_pb2.SpecFormat] = {
    "toml": study_pb2.SPEC_FORMAT_TOML,
    "yaml": study_pb2.SPEC_FORMAT_YAML,
    "json": study_pb2.SPEC_FORMAT_JSON,
}
_YAML_LINE = re.compile(r"""["']?[\w.-]+["']?\s*:(\s|$)""")


@dataclass(frozen=True)
class SpecText:
    """A spec's text, ready to be sent."""

    text: str
    format: SpecFormat
    placed: bool
    """Whether its writer has seen this text, so that lines and columns say something."""

    @classmethod
    def read(cls, spec: SpecLike, written: SpecFormat | None = None) -> SpecText:
        """Reads it; `written` says how a text is written where that cannot be told."""
        if isinstance(spec, Mapping):
            return cls(_checked(_json_of(spec)), "json", placed=False)
        if isinstance(spec, str) and not _is_path(spec):
            return cls(_checked(spec), written or _guess(spec), placed=True)
        path = Path(spec).expanduser()
        written = written or _SUFFIXES.get(path.suffix.lower())
        if written is None:
            remedy = 'name it .toml, .yaml or .json, or say format="toml"'
            raise FoldwiseError(f"cannot tell how {path} is written", remedy=remedy)
        return cls(_checked(_file(path)), written, placed=True)

    def proto_format(self) -> study_pb2.SpecFormat:
        """As the protocol says it."""
        return _FORMATS[self.format]

    def content(self) -> dict[str, Any] | None:
        """What it says, where this Python can read it; whether it is right, the coordinator says."""
        reader = {"json": "json", "toml": "tomllib", "yaml": "yaml"}[self.format]
        try:
            module = importlib.import_module(reader)
        except ImportError:
            return None
        read = module.safe_load if self.format == "yaml" else module.loads
        try:
            content = read(self.text)
        except Exception:  # Whatever such a library raises, the coordinator tells it with its place.
            return None
        return content if isinstance(content, dict) else None

    def request_id(self, take: int, parcel: str) -> str:
        """The same for the same content and files; another for each take."""
        digest = hashlib.sha256(f"{self.format}\n{self.text}{parcel}".encode()).hexdigest()
        return f"python-{digest}" if take == 1 else f"python-{digest}-{take}"


def _is_path(text: str) -> bool:
    """A text has several lines, or looks like one of TOML, YAML or JSON; a path does not."""
    if "\n" in text or not text.strip():
        return False
    return Path(text).suffix.lower() in _SUFFIXES or not re.search(r"[={]|:\s", text)


def _guess(text: str) -> SpecFormat:
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if first.startswith("{"):
        return "json"
    return "yaml" if first.startswith("---") or _YAML_LINE.match(first) else "toml"


def _json_of(spec: Mapping[str, Any]) -> str:
    try:
        # The order of `space` is that of the trials: it must stay.
        return json.dumps(spec, allow_nan=False, default=_plain, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise SpecError("could not write the spec as JSON", [Problem("", str(error))]) from None


def _plain(value: object) -> object:
    """What JSON does not know: NumPy's numbers and arrays, mappings, tuples' kin, paths."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, range | set | frozenset):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    plain = getattr(value, "tolist", None)
    if callable(plain):
        return plain()
    raise TypeError(f"a value of type {type(value).__name__} has no place in a spec: {value!r}")


def _file(path: Path) -> str:
    what = f"cannot read the study file {path}"
    try:
        with path.open("rb") as file:
            # A text that is one byte too long is read no further; the check says so.
            return file.read(SPEC_BYTES_MAX + 1).decode()
    except FileNotFoundError:
        remedy = f"look from {Path.cwd()}; a spec's text has more than one line"
        raise FoldwiseError(what, "there is no such file", remedy) from None
    except OSError as error:
        raise FoldwiseError(what, error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise FoldwiseError(what, f"it is no UTF-8 text: {error}") from None


def _checked(text: str) -> str:
    if len(text.encode()) > SPEC_BYTES_MAX:
        raise SpecError("could not send the spec", [Problem("", f"it has more than {SPEC_BYTES_MAX} bytes")])
    return text
