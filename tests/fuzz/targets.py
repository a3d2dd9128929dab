"""What must hold of any bytes, for each part that reads what strangers write; the bytes come from elsewhere."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sidekick.event import DecodeError, Event, decode
from sidekick.filter import FilterError, compile_filter
from sidekick.sdk.template import TemplateError, TemplateExecutionError, compile_template
from sidekick.settings import ConfigurationError, load
from sidekick.settings.key import Key
from sidekick.settings.schema import Schema, schema
from tests.fuzz import words
from tests.fuzz.http import Comparison
from tests.recorded import recorded_alerts, recorded_requests


def event(body: bytes) -> None:
    """Alerts whose JSON reads back as the same, or the one error."""
    try:
        events = decode(body)
    except DecodeError:
        return
    assert events
    for found in events:
        again = Event.from_json(found.json)
        assert again == found
        assert again.timestamp_ns == found.timestamp_ns


def filter_(text: str, alert: Event) -> None:
    """A filter that judges the alert and prints as itself, or an error within the text."""
    position = 0
    try:
        condition = compile_filter(text)
    except FilterError as error:
        position = error.position
        str(error)
    else:
        assert condition(alert) is condition.explain(alert).result
        assert compile_filter(str(condition.expression)).expression == condition.expression
    assert 0 <= position <= len(text)


def template(text: str, dot: Any) -> None:
    """A template that gives a text, or one of the two errors, the first within its text."""
    position = 0
    try:
        compile_template(text).render(dot)
    except TemplateError as error:
        position = error.position
    except TemplateExecutionError:
        pass
    assert 0 <= position <= len(text)


def environment(key: Key, text: str) -> None:
    """A value in a variable counts, or is a problem of that variable."""
    places: set[str] = {key.variable}
    try:
        load(None, {key.variable: text}, _alone(key.section))
    except ConfigurationError as error:
        places = {problem.place.variable for problem in error.problems}
    assert places == {key.variable}


@cache
def _alone(section: str) -> Schema:
    """What can be configured if there is only that section beside the global keys: a twentieth of the time to load."""
    whole = schema()
    return Schema(
        {name: whole.models[name] for name in {"", section}},
        {name: kind for name, kind in whole.types.items() if name == section},
    )


@cache
def keys() -> Sequence[Key]:
    """Every key that a variable can set."""
    return sorted(schema().keys.values(), key=lambda key: key.name)


@dataclass(frozen=True)
class Target:
    """`run` takes any bytes; `seeds` and `words` are what a fuzzer may begin with and put in."""

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]


@contextmanager
def target(name: str) -> Generator[Target]:
    """The target of that name; KeyError for any other."""
    with Comparison() as comparison:
        yield {
            "event": Target(event, recorded_alerts(), _encoded(words.EVENT)),
            "filter": Target(_of_text(lambda text: filter_(text, Event.test())), [], _encoded(words.FILTER)),
            "template": Target(_of_text(lambda text: template(text, _DOT)), [], _encoded(words.TEMPLATE)),
            "environment": Target(_of_key, [], _encoded(words.VARIABLE)),
            "http": Target(comparison, recorded_requests(), words.HTTP),
        }[name]


NAMES = ("event", "filter", "template", "environment", "http")
_DOT = {"a": "alpha", "n": 7, "x": None, "list": [1, "two", None], "map": {"a": 1}, "Tags": ["t"], "Format": "f"}


def _of_text(run: Callable[[str], None]) -> Callable[[bytes], None]:
    return lambda data: run(data.decode(errors="surrogateescape"))


def _of_key(data: bytes) -> None:
    """Two bytes say which key, the rest is its value, in which the system has no NUL."""
    key = keys()[int.from_bytes(data[:2]) % len(keys())]
    environment(key, data[2:].decode(errors="surrogateescape").replace("\0", ""))


def _encoded(texts: Sequence[str]) -> list[bytes]:
    return [text.encode() for text in texts]
