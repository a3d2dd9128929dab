"""The configuration from its three sources, in one place: environment before file before default."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import SecretStr, ValidationError

from sidekick.filter import FilterError, compile_filter
from sidekick.sdk.provider import PROVIDERS
from sidekick.sdk.settings import Settings, text_map
from sidekick.settings import environment, yaml_file
from sidekick.settings.configuration import Configuration, OutputConfiguration, OutputOff
from sidekick.settings.document import parse, read
from sidekick.settings.entry import Entries, Entry
from sidekick.settings.environment import read_secret
from sidekick.settings.key import Key, Kind, entry_settings
from sidekick.settings.problem import NOWHERE, ConfigurationError, Problem
from sidekick.settings.scalar import resolve
from sidekick.settings.schema import Schema, schema
from sidekick.settings.watch import mark_of

S = TypeVar("S", bound=Settings)
# What the peer's example promises for both, and keeps for the variable CUSTOMFIELDS alone.
_WITH_VARIABLES = {"customfields", "customtags"}
_SHAPES = {Kind.LIST: (str, list), Kind.MAP: (str, dict)}
# In place of pydantic's, which speak of Python.
_MESSAGES = {
    "extra_forbidden": "unknown key",
    "missing": "is needed",
    "tuple_type": "takes a list",
    "string_type": "takes one text, in quotes where it looks like a number",
    **dict.fromkeys(("dict_type", "model_type"), "takes keys with values (`key: value`)"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "is no whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "is no number"),
}
_VARIABLE = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*)")


def load(path: Path | None, environ: Mapping[str, str], known: Schema | None = None) -> Configuration:
    """The configuration of that file and environment; raises `ConfigurationError` with every problem there is.

    Without a file everything comes from the environment. Secrets are read here, once: a later change of their files
    is seen by the next `load`. `known` is what may be written, if not all that there is.
    """
    known = known or schema()
    files = {path: mark_of(path)} if path else {}
    written = yaml_file.read_entries(read(path), known) if path else Entries()
    written.files |= files
    _overlay(written, environment.read_entries(environ, known))
    return _Assembly(known, written, environ).configuration()


def _overlay(entries: Entries, environ: Entries) -> None:
    """Puts the environment's entries over the file's; a map's are added to those of the file."""
    for name, entry in environ.found.items():
        if entry.key.kind is Kind.MAP:
            try:
                entry = _merged(entries.found.get(name), entry)
            except ValueError as error:
                entries.problems.append(Problem(str(error), name, entry.place))
                continue
        entries.found[name] = entry
        entries.places = {at: place for at, place in entries.places.items() if not f"{at}.".startswith(f"{name}.")}
        entries.places[name] = entry.place
    entries.problems += environ.problems
    entries.warnings += environ.warnings
    entries.files |= environ.files


def _merged(below: Entry | None, entry: Entry) -> Entry:
    value = text_map(entry.value)
    if below is not None:
        if not isinstance(below.value, str | dict):
            return below  # which is told where it stands
        value = text_map(below.value) | value
    return Entry(entry.key, value, entry.place)


class _Assembly:
    """Entries become validated settings; what cannot is collected."""

    def __init__(self, known: Schema, entries: Entries, environ: Mapping[str, str]) -> None:
        self.known = known
        self.entries = entries
        self.environ = environ
        self.problems = entries.problems
        self.warnings = entries.warnings
        self.outputs: dict[str, OutputConfiguration] = {}
        self.off: dict[str, OutputOff] = {}

    def configuration(self) -> Configuration:
        top = self._validated(self.known.models[""], "")
        for name, model in PROVIDERS.items():
            self._validated(model, name)
        for name in self.known.types:
            self._output(name)
        if self.problems or top is None:
            problems = sorted(self.problems, key=lambda problem: (problem.place, problem.key))
            raise ConfigurationError(problems, self.entries.files)
        return Configuration.model_construct(
            **dict(top),
            outputs=self.outputs,
            off=self.off,
            warnings=tuple(self.warnings),
            files=self.entries.files,
        )

    def _output(self, name: str) -> None:
        kind = self.known.types[name]
        if name not in self.entries.places and not self.entries.of(name) and kind.requires:
            return
        self._check_filter(f"{name}.filter")
        settings = self._validated(kind.settings, name)
        if settings is None:
            return
        missing = kind.missing(settings)
        if missing:
            self.off[name] = OutputOff(missing)
            if len(missing) < len(kind.requires):
                self._warn(name, f"is off, for it needs {' and '.join(missing)} too")
        else:
            self.outputs[name] = OutputConfiguration(name, kind.output, settings)
            for key in kind.unreachable(settings):
                self._warn(name, "is no URL, so nothing gets there: write http:// or https:// and the host", key)

    def _warn(self, name: str, message: str, *key: str) -> None:
        self.warnings.append(Problem(message, ".".join((name, *key)), self.entries.place(name, key)))

    def _check_filter(self, name: str) -> None:
        entry = self.entries.found.get(name)
        try:
            if entry is not None and entry.value:
                compile_filter(entry.value)
        except FilterError as error:
            self.problems.append(Problem(error.summary, name, entry.place if entry else NOWHERE))

    def _validated(self, model: type[S], section: str) -> S | None:
        raw: dict[str, Any] = {}
        for entry in [*self._shared(section), *self.entries.of(section)]:
            try:
                value = self._value(entry)
            except ValueError as error:
                self.problems.append(Problem(str(error), entry.key.name, entry.place))
                continue
            if value is not None:
                _put(raw, entry.key.path, value)
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.problems += [self._problem(section, detail) for detail in error.errors(include_url=False)]
            return None

    def _shared(self, section: str) -> Iterator[Entry]:
        """What the section's provider gives to all its outputs, for the keys that this one has too."""
        provider, _, own = section.partition(".")
        for entry in self.entries.of(provider) if own and provider in PROVIDERS else ():
            key = self.known.keys.get(f"{section}.{entry.key.path[0]}")
            if key is not None and entry.value != "":
                self.entries.places.setdefault(key.name, entry.place)
                yield Entry(key, entry.value, entry.place)

    def _value(self, entry: Entry) -> Any:
        """What the model shall read; None for what counts as not written. Raises ValueError."""
        value, kind = entry.value, entry.key.kind
        if value == "" and kind in (Kind.NUMBER, Kind.WORD, Kind.LIST, Kind.TREE):
            return None
        _check_shape(value, kind)
        if entry.key.name in _WITH_VARIABLES:
            return self._with_variables(value, kind)
        if kind is Kind.TREE:
            return self._tree(parse(value) if isinstance(value, str) else value, entry.key)
        if not isinstance(value, str):
            return value
        match kind:
            case Kind.NUMBER:
                number = resolve(value)
                return value if isinstance(number, bool) else number
            case Kind.SECRET:
                return self._secret(value)
            case _:
                return value

    def _tree(self, value: Any, key: Key) -> Any:
        """The sections of a list or map with their secrets."""
        model = entry_settings(key.field)
        secret = {name for name, field in model.model_fields.items() if field.annotation is SecretStr} if model else ()
        for section in _sections(value):
            for name in section.keys() & secret:
                section[name] = self._secret(section[name])
        return value

    def _secret(self, value: Any) -> Any:
        if not (isinstance(value, str) and value.startswith("file:/")):
            return value
        file = value.removeprefix("file:")
        self.entries.reads(Path(file))
        return read_secret(file)

    def _with_variables(self, value: Any, kind: Kind) -> Any:
        if kind is Kind.MAP:
            return {name: self._expanded(text) for name, text in text_map(value).items()}
        words = value.replace(" ", "").split(",") if isinstance(value, str) else value
        return [self._expanded(word) for word in words if word]

    def _expanded(self, text: Any) -> Any:
        match = _VARIABLE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return text
        if not self.environ.get(match[1]):
            raise ValueError(f"the environment variable {match[1]} is not set")
        return self.environ[match[1]]

    def _problem(self, section: str, detail: Any) -> Problem:
        location: Sequence[str | int] = detail["loc"]
        message = _MESSAGES.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
        name = ".".join(filter(None, (section, *map(str, location))))
        return Problem(message, name, self.entries.place(section, location))


def _check_shape(value: Any, kind: Kind) -> None:
    """No model has to be ready for a list where a map is meant. Raises ValueError."""
    if kind in _SHAPES and not isinstance(value, _SHAPES[kind]):
        raise ValueError(_MESSAGES["dict_type" if kind is Kind.MAP else "tuple_type"])


def _sections(value: Any) -> list[dict[str, Any]]:
    """Those in a list or map of sections, whatever else may have been written there."""
    items = list(cast("dict[str, Any]", value).values()) if isinstance(value, dict) else value
    return [item for item in cast("list[Any]", items) if isinstance(item, dict)] if isinstance(items, list) else []


def _put(raw: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        raw = raw.setdefault(part, {})
    raw[path[-1]] = value
