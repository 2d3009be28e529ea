"""From the bytes that were sent to the bytes that were meant: decompression that no small message can blow up."""

import zlib

from runtime.errors import InvalidRequest
from runtime.ingestion.limits import LARGEST_UNPACKED, TooLarge

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's number for "a gzip header, and the largest window"


def packed(body: bytes) -> bool:
    """Whether these bytes are gzip's: no JSON begins so. A server in front may have unpacked them already."""
    return body.startswith(_GZIP)


def unpack(body: bytes, most: int = LARGEST_UNPACKED) -> bytes:
    """All members of a gzip stream, at most `most` bytes: never more memory than that is used to find out."""
    parts, left, rest = [], most, body
    while rest:
        part, rest = _member(rest, left)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _member(body: bytes, most: int) -> tuple[bytes, bytes]:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        part = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise InvalidRequest(
            "The body says it is gzip but cannot be unpacked; compress it whole, or send it plain."
        ) from error
    if len(part) > most:
        raise TooLarge(
            f"The message unpacks to more than {LARGEST_UNPACKED} bytes; split it into several.", limit=LARGEST_UNPACKED
        )
    if not unpacker.eof:
        raise InvalidRequest("The gzip stream ends too early; send the body whole.")
    return part, unpacker.unused_data
