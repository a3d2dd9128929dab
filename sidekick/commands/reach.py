"""Which outputs an alert would reach, and why: what `sidekick check --event` prints."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sidekick.app import build_output, context, enrichment, silences
from sidekick.event import Event
from sidekick.pipeline import Reason, Route, Silence
from sidekick.settings import Configuration


@dataclass(frozen=True)
class Reach:
    """One alert as the outputs would see it, and for each output what is asked of the alert."""

    event: Event
    outputs: dict[str, list[Reason]]

    def facts(self) -> dict[str, Any]:
        """As JSON has it, numbers as the alert has them."""
        outputs = {name: _facts(reasons) for name, reasons in self.outputs.items()}
        return {"rule": self.event.rule, "priority": self.event.priority.value.lower(), "outputs": outputs}

    def __str__(self) -> str:
        lines = [f"{self.event.priority.value} {self.event.rule}, {self.event.time}:"]
        for name, reasons in self.outputs.items():
            lines += _lines(name, reasons)
        return "\n".join(lines)


def reach(configuration: Configuration, events: Sequence[Event], stamps: Mapping[str, str]) -> list[Reach]:
    """What would become of those alerts of a sender with these stamps; raises `SilencesError`."""
    enrich = enrichment(configuration)
    return [Reach(event, _asked(configuration, event)) for event in (enrich(event, stamps) for event in events)]


def _asked(configuration: Configuration, event: Event) -> dict[str, list[Reason]]:
    silence = silences(configuration).silencing(event)
    lent = context(configuration)
    asked: dict[str, list[Reason]] = {}
    for name, chosen in configuration.outputs.items():
        asked[name] = Route(chosen.settings).explain(event)
        if silence is not None and build_output(chosen, lent).heeds_silences:
            asked[name].append(Reason(met=False, text=_silenced(silence)))
    return asked


def _silenced(silence: Silence) -> str:
    by = f" by {silence.author}" if silence.author else ""
    reason = f" ({silence.reason})" if silence.reason else ""
    return f"silenced{by} until {silence.until.isoformat()}{reason}, where {silence.filter}"


def _facts(reasons: Sequence[Reason]) -> dict[str, Any]:
    return {"reached": all(reason.met for reason in reasons), "reasons": [asdict(reason) for reason in reasons]}


def _lines(name: str, reasons: Sequence[Reason]) -> list[str]:
    reached = all(reason.met for reason in reasons)
    why = "; ".join(reason.text for reason in reasons if reason.met == reached)
    lines = [f"  {name}: {'yes' if reached else 'no'}" + (f", {why}" if why else "")]
    for reason in reasons:
        lines += [f"    {line}" for line in str(reason.clauses or "").splitlines()]
    return lines
