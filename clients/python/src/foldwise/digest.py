"""BLAKE3, the digest that files are named by: in plain Python, and over many chunks at once where NumPy is installed.

By its specification (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2020): https://github.com/BLAKE3-team/BLAKE3-specs
"""

from __future__ import annotations

import struct
from typing import Any

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment, unused-ignore]

_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
# The four columns, then the four diagonals.
_QUARTERS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip
_MASK = 0xFFFFFFFF
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8
_BLOCK_BYTES, _CHUNK_BYTES = 64, 1024
# Chunks that are taken together: a whole subtree, so a power of two.
_BATCH_CHUNKS = 1024
_BATCH_BYTES = _BATCH_CHUNKS * _CHUNK_BYTES

# A word is a number, or an array with the number of each chunk: every operation below is the same on both.
Word = Any
Words = list[Word]


def _compress(value: Words, block: Words, counter: Word, length: int, flags: int) -> Words:
    """The first eight words that come out."""
    v = [*value, *_IV[:4], counter & _MASK, counter >> 32, length, flags]
    for turn in range(7):
        for place, (a, b, c, d) in enumerate(_QUARTERS):
            x, y, z, w = v[a], v[b], v[c], v[d]
            x = (x + y + block[2 * place]) & _MASK
            w = w ^ x
            w = (w >> 16 | w << 16) & _MASK
            z = (z + w) & _MASK
            y = y ^ z
            y = (y >> 12 | y << 20) & _MASK
            x = (x + y + block[2 * place + 1]) & _MASK
            w = w ^ x
            w = (w >> 8 | w << 24) & _MASK
            z = (z + w) & _MASK
            y = y ^ z
            y = (y >> 7 | y << 25) & _MASK
            v[a], v[b], v[c], v[d] = x, y, z, w
        if turn < 6:
            block = [block[index] for index in _ORDER]
    return [v[index] ^ v[index + 8] for index in range(8)]


def _chunk(data: bytes, counter: int, *, root: bool = False) -> Words:
    """What a chunk comes to."""
    value: Words = list(_IV)
    starts = range(0, max(len(data), 1), _BLOCK_BYTES)
    for start in starts:
        block = data[start : start + _BLOCK_BYTES]
        last = start == starts[-1]
        flags = (_CHUNK_START if start == 0 else 0) | (_CHUNK_END if last else 0) | (_ROOT if last and root else 0)
        words = list(struct.unpack("<16I", block.ljust(_BLOCK_BYTES, b"\0")))
        value = _compress(value, words, counter, len(block), flags)
    return value


def _parent(left: Words, right: Words, *, root: bool = False) -> Words:
    """What two subtrees come to."""
    return _compress(list(_IV), [*left, *right], 0, _BLOCK_BYTES, _PARENT | (_ROOT if root else 0))


def _batch(data: bytes, counter: int) -> Words:
    """What a whole batch comes to, chunk beside chunk and level by level."""
    words = numpy.frombuffer(data, dtype="<u4").reshape(_BATCH_CHUNKS, 16, 16).astype(numpy.uint64)
    counters = numpy.arange(counter, counter + _BATCH_CHUNKS, dtype=numpy.uint64)
    value: Words = [numpy.full(_BATCH_CHUNKS, word, dtype=numpy.uint64) for word in _IV]
    for block in range(16):
        flags = (_CHUNK_START if block == 0 else 0) | (_CHUNK_END if block == 15 else 0)
        columns = [words[:, block, index] for index in range(16)]
        value = _compress(value, columns, counters, _BLOCK_BYTES, flags)
    while len(value[0]) > 1:
        value = _parent([word[0::2] for word in value], [word[1::2] for word in value])
    return [int(word[0]) for word in value]


class Blake3:
    """A digest in the making."""

    def __init__(self) -> None:
        self.length = 0
        self._rest = bytearray()
        self._counter = 0
        # Subtrees to the left, each with its number of chunks, the largest first.
        self._stack: list[tuple[int, Words]] = []

    def update(self, data: bytes) -> None:
        """Takes more bytes in."""
        self.length += len(data)
        self._rest += data
        # The last chunk is kept back: it may be the root.
        while numpy is not None and len(self._rest) > _BATCH_BYTES and self._counter % _BATCH_CHUNKS == 0:
            self._push(_BATCH_CHUNKS, _batch(bytes(self._rest[:_BATCH_BYTES]), self._counter))
            del self._rest[:_BATCH_BYTES]
        if numpy is None:
            self._take_chunks()

    def hexdigest(self) -> str:
        """The digest of all bytes so far, in hexadecimal."""
        other = Blake3()
        other._rest, other._counter, other._stack = bytearray(self._rest), self._counter, list(self._stack)
        other._take_chunks()
        value = _chunk(bytes(other._rest), other._counter, root=not other._stack)
        while other._stack:
            _, left = other._stack.pop()
            value = _parent(left, value, root=not other._stack)
        return struct.pack("<8I", *value).hex()

    def _take_chunks(self) -> None:
        done = 0
        while len(self._rest) - done > _CHUNK_BYTES:
            self._push(1, _chunk(bytes(self._rest[done : done + _CHUNK_BYTES]), self._counter))
            done += _CHUNK_BYTES
        del self._rest[:done]

    def _push(self, chunks: int, value: Words) -> None:
        self._counter += chunks
        while self._stack and self._stack[-1][0] == chunks:
            value = _parent(self._stack.pop()[1], value)
            chunks *= 2
        self._stack.append((chunks, value))
