"""Passwords: kept as scrypt hashes (RFC 7914), written `scrypt:LOGN:R:P:SALT:HASH` with the last two in base64url."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

_LOG_N, _R, _P = 14, 8, 5  # 16 MiB and some 0.2 s each; OWASP's password storage cheat sheet counts it among its least
_MOST_BYTES = 64 << 20
_SALT_BYTES, _HASH_BYTES = 16, 32
_FORM = re.compile(r"scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([\w-]{22}):([\w-]{43})", re.ASCII)
_GENERATED_BYTES = 15


class _Hash(NamedTuple):
    log_n: int
    r: int
    p: int
    salt: bytes
    hash: bytes


def generate() -> str:
    """A password of 120 random bits that can be typed."""
    return secrets.token_urlsafe(_GENERATED_BYTES)


def hash_password(password: str) -> str:
    """What may be written down in its place; takes as long as a check does."""
    salt = secrets.token_bytes(_SALT_BYTES)
    found = _scrypt(password, _Hash(_LOG_N, _R, _P, salt, b""))
    return ":".join(("scrypt", str(_LOG_N), str(_R), str(_P), _text(salt), _text(found)))


def matches(password: str, hashed: str) -> bool:
    """Whether it is the one; costs its time either way, so it belongs into a thread."""
    wanted = _parse(hashed)
    return hmac.compare_digest(_scrypt(password, wanted), wanted.hash)


def check_hash(text: str) -> str:
    """Refuses with ValueError what is no such hash, or would take too much memory."""
    _parse(text)
    return text


def _parse(text: str) -> _Hash:
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("this is no hash of a password: `sidekick password` makes one")
    log_n, r, p = map(int, match.groups()[:3])
    if not (1 <= log_n <= 20 and 1 <= r <= 32 and 1 <= p <= 16 and (128 * r) << log_n < _MOST_BYTES):
        raise ValueError("this hash of a password would take too much memory: `sidekick password` makes another")
    return _Hash(log_n, r, p, urlsafe_b64decode(f"{match[4]}=="), urlsafe_b64decode(f"{match[5]}="))


def _scrypt(password: str, how: _Hash) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=how.salt,
        n=1 << how.log_n,
        r=how.r,
        p=how.p,
        maxmem=2 * _MOST_BYTES,
        dklen=_HASH_BYTES,
    )


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
