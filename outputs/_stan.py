"""The messages of NATS Streaming, in Protocol Buffers' wire format: fields by number, which are texts or small numbers.

Field numbers are those of https://github.com/nats-io/stan.go/blob/main/pb/protocol.proto.
"""

Fields = dict[int, bytes | int]
_NUMBER, _TEXT = 0, 2  # the two wire types that a publisher meets


def encode(fields: Fields) -> bytes:
    return b"".join(_field(number, value) for number, value in fields.items())


def decode(message: bytes) -> Fields:
    """The fields by number. Raises ValueError when it is no such message."""
    found: Fields = {}
    place = 0
    try:
        while place < len(message):
            key, place = _number(message, place)
            value, place = _number(message, place)
            if key & 7 == _TEXT:
                value, place = message[place : place + value], place + value
            elif key & 7 != _NUMBER:
                raise ValueError(f"wire type {key & 7} in a message of NATS Streaming")
            found[key >> 3] = value
    except IndexError:
        place = len(message) + 1
    if place > len(message):
        raise ValueError("a message of NATS Streaming is cut short")
    return found


def _field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _NUMBER) + _varint(value)
    return _varint(number << 3 | _TEXT) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + _varint(value >> 7)


def _number(message: bytes, place: int) -> tuple[int, int]:
    """The varint at `place`, and where it ends."""
    value = shift = 0
    while message[place] >= 0x80:
        value |= (message[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return value | message[place] << shift, place + 1
