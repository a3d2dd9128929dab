"""An alert as a person reads it, the same for every chat, mail and on-call system: each output only lays it out.

Nothing is shortened but for a destination's own limit, and what was shortened says so.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from sidekick.event import Event, Priority, encode_json
from sidekick.sdk.template import GoEvent, TemplateExecutionError, compile_template, formatting
from sidekick.sdk.template.time import GoTime
from sidekick.sdk.template.values import MISSING, from_data

FIELDS = "fields"
"""In an order of facts, the place of the alert's output fields."""
LISTING = ("rule", "priority", "source", "hostname", "tags", "time", FIELDS)
"""The order where facts are lines of a text."""
ICON = "https://raw.githubusercontent.com/falcosecurity/falcosidekick/master/imgs/falcosidekick_color.png"
BLANK_ICON = "https://raw.githubusercontent.com/falcosecurity/falcosidekick/master/imgs/falcosidekick.png"
COLOURS = {
    Priority.EMERGENCY: "#e20b0b",
    Priority.ALERT: "#ff5400",
    Priority.CRITICAL: "#ff9000",
    Priority.ERROR: "#ffc700",
    Priority.WARNING: "#ffff00",
    Priority.NOTICE: "#5bffb5",
    Priority.INFORMATIONAL: "#68c2ff",
    Priority.DEBUG: "#ccfff2",
}
_ANY = sys.maxsize
_LENGTHS = (_ANY, 16_000, 8_000, 4_000, 2_000, 1_000, 500, 250, 120, 60)
_NAME = 50
_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]()#+-.!|<>~=&"})


class Fact(NamedTuple):
    """One line of the message; `field` tells the alert's output fields from its rule, priority and so on."""

    name: str
    value: str
    field: bool = False


@dataclass(frozen=True)
class Message:
    """`title` is the priority and the rule, `text` Falco's output; `facts` stand in the order that was asked for."""

    title: str
    text: str
    facts: tuple[Fact, ...]

    @classmethod
    def of(cls, event: Event, order: Sequence[str], *, link: str = "", every: bool = False) -> Self:
        """Facts without a value are left out. Of the output fields those that are texts, or with `every` all."""
        known = {
            "rule": event.rule,
            "priority": event.priority.value,
            "source": event.source,
            "hostname": event.hostname,
            "tags": ", ".join(event.tags),
            "time": time_text(event),
        }
        facts: list[Fact] = []
        for name in order:
            if name == FIELDS:
                facts += _fields(event, every=every)
            elif known[name]:
                facts.append(Fact(name, known[name]))
        if link:
            facts.append(Fact("link", link))
        return cls(f"[{event.priority.value}] {event.rule}", event.output, tuple(facts))

    def fitted(
        self, limit: int, size: Callable[[Self], int], *, text: int = _ANY, value: int = _ANY, count: int = _ANY
    ) -> Self:
        """The message with at most so many characters of text and in each value, and so many facts; if its `size` is
        above `limit`, shortened further until it is not."""
        halved = min(count, len(self.facts))
        steps = [(length, count) for length in _LENGTHS]
        steps += [(_LENGTHS[-1], halved >> times) for times in range(1, halved.bit_length() + 1)]
        shorter = self
        for length, most in steps:
            shorter = self._shortened(min(text, length), min(value, length), most)
            if size(shorter) <= limit:
                break
        return shorter

    def listed(self, line: Callable[[Fact], str]) -> str:
        """The facts, a line each."""
        return "\n".join(line(fact) for fact in self.facts)

    def _shortened(self, text: int, value: int, count: int) -> Self:
        facts = tuple(
            Fact(shortened(name, max(value // 4, _NAME)), shortened(worth, value), field)
            for name, worth, field in _fewer(self.facts, count)
        )
        return replace(self, title=shortened(self.title, value), text=shortened(self.text, text), facts=facts)


def shortened(text: str, limit: int) -> str:
    """The text, or its beginning and how long it is, in at most `limit` characters."""
    if len(text) <= limit:
        return text
    note = f"… ({len(text):,} characters)"
    return f"{text[: limit - len(note)]}{note}" if limit > len(note) else text[:limit]


def time_text(event: Event) -> str:
    """The alert's time as falcosidekick writes it, such as 2026-11-24 10:20:05.408091526 +0000 UTC."""
    return str(GoTime.at(event.datetime, event.timestamp_ns))


def markdown(text: str) -> str:
    """The text as Markdown that shows it literally, in CommonMark and in Telegram's MarkdownV2."""
    return text.translate(_MARKDOWN)


def message_format(template: str) -> Callable[[Event], str]:
    """What `messageformat` makes of an alert, nothing where it is blank; a failure is told in place of the text."""
    if not template:
        return lambda event: ""
    compiled = compile_template(template)

    def render(event: Event) -> str:
        try:
            return compiled.render(GoEvent(event))
        except TemplateExecutionError as error:
            return f"{error.partial} (messageformat: {error})".lstrip()

    return render


def _fields(event: Event, *, every: bool) -> list[Fact]:
    fields = sorted(event.fields.items())
    if every:
        return [Fact(name, printed(value), field=True) for name, value in fields]
    return [Fact(name, value, field=True) for name, value in fields if isinstance(value, str)]


def printed(value: Any) -> str:
    """A field's value of any kind on one text, as falcosidekick's templates print it."""
    try:
        return formatting.printed(MISSING if value is None else from_data(value))
    except RecursionError:
        return encode_json(value).decode()


def _fewer(facts: tuple[Fact, ...], count: int) -> tuple[Fact, ...]:
    """Without the last output fields; the alert's rule, priority and so on always stay."""
    fields = [fact for fact in facts if fact.field]
    excess = len(facts) - count
    if excess <= 0 or not fields:
        return facts
    kept = max(0, len(fields) - excess - 1)
    note = Fact("not shown", f"{len(fields) - kept} more fields", field=True)
    start = facts.index(fields[0])
    return (*facts[: start + kept], note, *facts[start + len(fields) :])
