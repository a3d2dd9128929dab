"""No secret in what a destination says: some repeat the address that they were called by, or the login that they
refuse, and what they say is logged, shown and kept.
"""

import html
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from sidekick.sdk.errors import DeliveryError, PartialError

_SHORTEST = 6
"""Characters: a shorter secret would be found in the middle of words."""
_TOKEN = 16
"""Characters of a part of a secret URL's path that may be a token by itself."""
_HIDDEN = "***"


class Discretion:
    """Of one output, by its settings."""

    def __init__(self, settings: BaseModel) -> None:
        forms = {form for secret in _secrets(settings) for form in _forms(secret) if len(form) >= _SHORTEST}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, error: DeliveryError) -> None:
        """Takes the secrets out of the error's own text."""
        if self._pattern is None:
            return
        for one in (error, *(error.errors.values() if isinstance(error, PartialError) else ())):
            one.args = (self._pattern.sub(_HIDDEN, str(one)),)


def _secrets(value: Any) -> Iterator[str]:
    match value:
        case SecretStr():
            yield from _of_secret(value.get_secret_value())
        case BaseModel():
            for _, one in value:
                yield from _secrets(one)
        case tuple() | list():
            for one in cast("tuple[Any, ...]", value):
                yield from _secrets(one)
        case str() if "://" in value:
            yield from _of_url(value)
        case _:
            pass


def _of_secret(text: str) -> Iterator[str]:
    yield text
    for pair in re.split("[,;&]", text):  # a connection string, headers, a query
        yield pair.partition("=")[2]
    if "://" in text:
        yield from _of_url(text, whole=True)


def _of_url(text: str, *, whole: bool = False) -> Iterator[str]:
    """What is secret of any URL, or of one that is so as a whole; nothing of what is none."""
    try:
        url = urlsplit(text)
    except ValueError:
        return
    yield from (url.password or "", url.query, *(pair.partition("=")[2] for pair in url.query.split("&")))
    if whole:
        yield from (url.path, *(part for part in url.path.split("/") if len(part) >= _TOKEN))


def _forms(text: str) -> Iterator[str]:
    """As it is written, and as URLs, JSON and HTML write it."""
    for one in (text, unquote(text)):
        yield from (one, quote(one), quote(one, safe=""), one.replace("/", "\\/"), html.escape(one))
