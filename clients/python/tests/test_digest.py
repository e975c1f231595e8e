"""BLAKE3 against the reference implementation."""

from __future__ import annotations

import random
from types import ModuleType

import blake3
import numpy
import pytest

from foldwise import digest
from foldwise.digest import Blake3

LENGTHS = [0, 1, 64, 65, 1023, 1024, 1025, 2048, 3073, 70_000]
# About whole batches, which only NumPy is fast enough for.
LONG = [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) + 1025, (3 << 20) + 7]


@pytest.mark.parametrize(
    ("array", "length"), [(None, length) for length in LENGTHS] + [(numpy, length) for length in LENGTHS + LONG]
)
def test_digests_are_those_of_the_reference(
    array: ModuleType | None, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "numpy", array)
    data = random.Random(length).randbytes(length)  # noqa: S311 (bytes to be digested, no secret)
    hasher = Blake3()
    for start in range(0, length, 400_000):
        hasher.update(data[start : start + 400_000])
    assert hasher.hexdigest() == blake3.blake3(data).hexdigest()
    assert hasher.hexdigest() == blake3.blake3(data).hexdigest(), "a look changes nothing"
    assert hasher.length == length
