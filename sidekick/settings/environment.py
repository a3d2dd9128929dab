"""The entries of the environment: each key's variable, or a file that `NAME_FILE` points to."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from sidekick.sdk.provider import PROVIDERS
from sidekick.settings.entry import Entries, Entry
from sidekick.settings.key import Key, variable
from sidekick.settings.problem import Place, Problem
from sidekick.settings.schema import Schema

# Names that falcosidekick's Helm chart sets and falcosidekick does not read.
_ALIASES = {
    "telegram.messagethreadid": "TELEGRAM_MESSAGE_THREAD_ID",
    "cloudevents.extensions": "CLOUDEVENTS_EXTENSION",
}
# Kubernetes sets NAME_PORT=tcp://… for each Service, and a Service may well be called `syslog`.
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://\S+:\d+")


class SecretError(ValueError):
    """A file that should hold a value cannot be read."""


def read_entries(environ: Mapping[str, str], schema: Schema) -> Entries:
    """What the environment sets; a variable that is empty is not set."""
    entries = Entries()
    for key in schema.keys.values():
        _read(key, environ, entries)
    entries.warnings += _misspelt(environ, schema)
    return entries


def read_secret(path: str) -> str:
    """A value kept in a file of its own, without the line's end; raises `SecretError`, which names the file."""
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise SecretError(f"the file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise SecretError(f"the file {path} holds no text in UTF-8") from None


def _read(key: Key, environ: Mapping[str, str], entries: Entries) -> None:
    name = next((name for name in (key.variable, _ALIASES.get(key.name, "")) if environ.get(name)), "")
    file_name = f"{key.variable}_FILE"
    path = environ.get(file_name, "")
    if name and _SERVICE_LINK.fullmatch(environ[name]) and name.endswith("_PORT"):
        entries.warnings.append(Problem("is ignored: Kubernetes set it for a Service", key.name, Place(variable=name)))
    elif name and path:
        entries.problems.append(Problem(f"{name} is set too: only one can count", key.name, Place(variable=file_name)))
    elif name:
        entries.add(Entry(key, environ[name], Place(variable=name)))
    elif path:
        entries.reads(Path(path))
        try:
            entries.add(Entry(key, read_secret(path), Place(variable=file_name)))
        except SecretError as error:
            entries.problems.append(Problem(str(error), key.name, Place(variable=file_name)))


def _misspelt(environ: Mapping[str, str], schema: Schema) -> Iterable[Problem]:
    """Variables that nobody reads though their name is nearly that of a key.

    They are not refused: names without a prefix may belong to anybody. A provider's shared keys are left out, for
    its own tools read AWS_ACCESS_KEY_ID and the like.
    """
    names = {key.variable for key in schema.keys.values() if key.section and key.section not in PROVIDERS}
    read = names | {f"{name}_FILE" for name in names} | set(_ALIASES.values())
    prefixes = tuple(variable(section) + "_" for section in schema.types)
    for name in sorted(environ):
        if environ[name] and name.startswith(prefixes) and name not in read:
            meant = get_close_matches(name, names, n=1, cutoff=0.88)
            if meant:
                yield Problem("nobody reads this variable", "", Place(variable=name), tuple(meant))
