"""Random changes of valid files."""

import struct
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

from demo.decoder.containers import PNG_SIGNATURE, chunk

Change: TypeAlias = Callable[[bytes, np.random.Generator, Sequence[bytes]], bytes]

EXTREMES: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MOST_CHANGES: Final = 4


def mutate(content: bytes, rng: np.random.Generator, others: Sequence[bytes]) -> bytes:
    """Change a file one to `MOST_CHANGES` times. others: files whose ends may replace its own."""
    for _ in range(rng.integers(1, MOST_CHANGES + 1)):
        if not content:
            break
        content = CHANGES[int(rng.integers(len(CHANGES)))](content, rng, others)
    return content


def place(content: bytes, rng: np.random.Generator) -> int:
    """Return a random offset, half of the time near the beginning, where formats keep their headers."""
    return int(rng.integers(min(len(content), 64) if rng.integers(2) else len(content)))


def flip_bits(content: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    for _bit in range(rng.integers(1, 9)):
        changed[place(content, rng)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def set_bytes(content: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    start = place(content, rng)
    noise = rng.integers(0, 256, min(int(rng.integers(1, 33)), len(content) - start), np.uint8).tobytes()
    changed[start : start + len(noise)] = noise
    return bytes(changed)


def set_number(content: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Insert a number at which arithmetic overflows, in either byte order."""
    size = int(rng.choice([1, 2, 4]))
    value = int(rng.choice(EXTREMES)) & ((1 << 8 * size) - 1)
    packed = value.to_bytes(size, "big" if rng.integers(2) else "little")
    start = place(content, rng)
    return content[:start] + packed + content[start + size :]


def cut(content: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    return content[: int(rng.integers(len(content)))]


def leave_out(content: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    start = place(content, rng)
    return content[:start] + content[start + int(rng.integers(1, 65)) :]


def repeat(content: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    start = place(content, rng)
    part = content[start : start + int(rng.integers(1, 257))]
    return content[:start] + part * int(rng.integers(2, 20)) + content[start + len(part) :]


def splice(content: bytes, rng: np.random.Generator, others: Sequence[bytes]) -> bytes:
    """The beginning of this file, the end of another."""
    other = others[int(rng.integers(len(others)))]
    return content[: place(content, rng)] + other[int(rng.integers(len(other) + 1)) :]


def change_chunk(content: bytes, rng: np.random.Generator, others: Sequence[bytes]) -> bytes:
    """Change a chunk of a PNG and correct its checksum, so that the decoder reads it."""
    chunks = png_chunks(content)
    if not chunks:
        return flip_bits(content, rng, others)
    index = int(rng.integers(len(chunks)))
    name, body = chunks[index]
    kind = rng.integers(4)
    if kind == 0 and body:
        chunks[index] = (name, set_number(body, rng, others)[: len(body)])
    elif kind == 1 and body:
        chunks[index] = (name, set_bytes(body, rng, others))
    elif kind == 2:
        chunks.insert(int(rng.integers(len(chunks) + 1)), (name, body))
    else:
        del chunks[index]
    return PNG_SIGNATURE + b"".join(chunk(*each) for each in chunks)


def png_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the name and content of a PNG's chunks, as far as they can be read; none for another file."""
    chunks = []
    start = len(PNG_SIGNATURE) if content.startswith(PNG_SIGNATURE) else len(content)
    while start + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, start)
        chunks.append((name, content[start + 8 : start + 8 + length]))
        start += 12 + length
    return chunks


CHANGES: Final[tuple[Change, ...]] = (
    flip_bits,
    set_bytes,
    set_number,
    cut,
    leave_out,
    repeat,
    splice,
    change_chunk,
)
