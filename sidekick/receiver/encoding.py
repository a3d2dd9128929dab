"""Bodies sent with `Content-Encoding: gzip`, unpacked within the body limit."""

import zlib

from sidekick.event import DecodeError

_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """What the body unpacks to is over the limit."""


def gunzip(packed: bytes, limit: int) -> bytes:
    """The members of a gzip file, one after the other (RFC 1952), never unpacking more than one byte over `limit`."""
    unpacked = bytearray()
    while packed:
        member = zlib.decompressobj(_GZIP)
        try:
            unpacked += member.decompress(packed, limit + 1 - len(unpacked))
        except zlib.error as error:
            raise DecodeError("gzip", str(error)) from None
        if len(unpacked) > limit:
            raise TooLargeError
        if not member.eof:
            raise DecodeError("gzip", "the gzip stream is cut short")
        packed = member.unused_data
    return bytes(unpacked)
