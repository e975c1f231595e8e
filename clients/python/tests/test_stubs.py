"""The committed stubs are those of the protocol as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[1]


def test_the_stubs_are_fresh(tmp_path: Path) -> None:
    subprocess.run([sys.executable, CLIENT / "stubs.py", "--into", tmp_path], check=True)
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.py*") if path.is_file()}
    source = CLIENT / "src"
    kept = {
        path.relative_to(source) for folder in ("v1", "rpc") for path in (source / "foldwise" / folder).glob("*.py*")
    }
    remedy = "run `python clients/python/stubs.py` with the grpcio-tools of pyproject.toml"
    assert made == kept, remedy
    for path in made:
        assert (tmp_path / path).read_text() == (source / path).read_text(), f"{path} is stale: {remedy}"
