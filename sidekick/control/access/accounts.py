"""Who may log in with a password: the users of the configuration, or one whose password is made at the first start."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from sidekick.control.access.password import check_hash, generate, hash_password, matches
from sidekick.control.access.settings import UserSettings
from sidekick.control.ports import RefusedError
from sidekick.sdk.file import replace_file

log = logging.getLogger(__name__)
FIRST = "admin"
_NOBODY = f"scrypt:14:8:5:{'A' * 22}:{'A' * 43}"
"""A hash of no password, so that an unknown name takes as long as a known one."""
_MOST_WAITING = 20


class AccessError(Exception):
    """The page cannot be guarded; the message says why, in one line."""


class Account(NamedTuple):
    name: str
    hash: str
    may_change: bool


class Accounts:
    def __init__(self, users: Mapping[str, UserSettings]) -> None:
        self._users = {
            name: Account(name, user.password.get_secret_value(), user.role == "admin") for name, user in users.items()
        }
        self._turn = asyncio.Lock()  # each check takes 16 MiB
        self._waiting = 0

    def find(self, name: str) -> Account | None:
        return self._users.get(name)

    async def check(self, name: str, password: str) -> Account | None:
        """The user of that name and password. Raises `RefusedError` when there are too many to check."""
        if self._waiting == _MOST_WAITING:
            raise RefusedError("Too many are logging in at the moment: try again.")
        user = self._users.get(name)
        self._waiting += 1
        try:
            async with self._turn:
                right = await asyncio.to_thread(matches, password, user.hash if user else _NOBODY)
        finally:
            self._waiting -= 1
        return user if right else None


def first_user(path: Path) -> Mapping[str, UserSettings]:
    """`admin`, whose password's hash is in that file; a new one is made, and logged once, where there is no file.

    Raises `AccessError`.
    """
    try:
        hashed = check_hash(path.read_text("ascii").strip())
    except FileNotFoundError:
        hashed = _new_password(path)
    except OSError as error:
        raise AccessError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise AccessError(f"{path} holds no hash of a password: take it away, and a new password is made") from None
    return {FIRST: UserSettings(password=SecretStr(hashed))}


def _new_password(path: Path) -> str:
    password = generate()
    hashed = hash_password(password)
    try:
        replace_file(path, f"{hashed}\n".encode())
    except OSError as error:
        raise AccessError(f"{path} cannot be written: {error.strerror}") from error
    log.warning("page: log in as %s with the password %s, told this once; %s has its hash", FIRST, password, path)
    return hashed
