"""All outputs side by side: how many alerts each takes at once, what a resend leaves there, and how it knows us."""

from collections.abc import Iterable
from typing import NamedTuple

from sidekick.settings import form
from sidekick.settings.catalog import OutputType
from sidekick.settings.key import Key, Kind

_USERS = {"user", "username", "accesskeyid"}
_INSTEAD = {"customheaders", "headers", "kubeconfig"}
_CHAINS = {"azure": "Azure's usual chain", "gcp": "Google's usual chain"}


class Overview(NamedTuple):
    """One line; `login` names keys, or says in words what else there is."""

    name: str
    category: str
    at_once: str
    resend: str
    login: str


def overview(kind: OutputType, keys: Iterable[Key]) -> Overview:
    """Of one output; `keys` are all of its own."""
    limits = kind.output.limits
    at_once = f"{limits.count}, {form.size(limits.bytes)}" if limits.count > 1 else "1"
    return Overview(kind.name, kind.output.category, at_once, resend(kind), _login(kind, keys))


def resend(kind: OutputType) -> str:
    """What a second sending of one alert leaves: `once` or `twice`; `-` where alerts are but counted."""
    if not kind.output.durable:
        return "-"
    return "once" if kind.output.idempotent else "twice"


def _login(kind: OutputType, keys: Iterable[Key]) -> str:
    found = {".".join(key.path): key.kind for key in keys}
    secrets = [name for name, form in found.items() if form is Kind.SECRET]
    # Beside a secret address, a user's name is the one that messages are shown under.
    users = [] if "webhookurl" in secrets else [name for name in found if name in _USERS]
    names = [*users, *secrets] or [name for name in found if name in _INSTEAD]
    return ", ".join(f"`{name}`" for name in names) or _CHAINS.get(kind.output.extra or "", "")
