"""`sidekick check`: what a configuration means, or every mistake in it."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import click

from sidekick.commands.config_file import config_file
from sidekick.commands.falco import Verdict, examine
from sidekick.commands.reach import reach
from sidekick.event import DecodeError, decode, encode_json
from sidekick.pipeline import SilencesError
from sidekick.sdk.output import Context
from sidekick.settings import Configuration, ConfigurationError, OutputConfiguration, Problem, load
from sidekick.settings.document import read
from sidekick.settings.form import duration, rate, size
from sidekick.unseen import told


@click.command()
@config_file
@click.option("--event", "alert", type=click.File("rb"), help="An alert as Falco posts it, or - for standard input.")
@click.option("--sender", help="With --event: the sender in receiver.senders that it comes from.")
@click.option("--falco", type=click.Path(path_type=Path), help="A Falco's own configuration, falco.yaml.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: one object, or with --event a list of one for each alert."
)
def command(
    config_file: Path | None,
    alert: BinaryIO | None,
    sender: str | None,
    falco: Path | None,
    as_json: bool,
) -> None:
    """Says which outputs are on, with what limits, which are off and why, and what is odd.

    With --event, which outputs that alert would reach, and why. With --falco, whether alerts of a Falco with that file
    would come here. Exit code 2 when the configuration or the alert cannot be used, with every mistake and its place,
    and when that Falco's alerts would not come.
    """
    try:
        configuration = load(config_file, os.environ)
    except ConfigurationError as error:
        click.echo(json.dumps({"valid": False, "problems": _problems(error.problems)}) if as_json else str(error))
        sys.exit(2)
    if alert is not None:
        _print_reach(configuration, alert, _stamps(configuration, sender), as_json)
        return
    if falco is not None:
        _print_findings(configuration, falco, as_json)
        return
    facts = _facts(configuration)
    click.echo(json.dumps(facts) if as_json else _text(facts, configuration.warnings), nl=as_json)


def _stamps(configuration: Configuration, sender: str | None) -> Mapping[str, str]:
    """The fields that a sender's alerts are given."""
    if sender is None:
        return {}
    senders = configuration.receiver.senders
    if sender not in senders:
        known = ", ".join(senders) or "none"
        raise click.BadParameter(f"{sender!r} is not in receiver.senders; known are: {known}", param_hint="--sender")
    return senders[sender].fields


def _print_reach(configuration: Configuration, alert: BinaryIO, stamps: Mapping[str, str], as_json: bool) -> None:
    try:
        found = reach(configuration, decode(alert.read()), stamps)
    except (DecodeError, SilencesError) as error:
        click.echo(f"{alert.name}: {error}" if isinstance(error, DecodeError) else error, err=True)
        sys.exit(2)
    click.echo(encode_json([one.facts() for one in found]) if as_json else told("\n".join(map(str, found))))


def _print_findings(configuration: Configuration, path: Path, as_json: bool) -> None:
    try:
        found = examine(configuration, read(path))
    except ConfigurationError as error:
        click.echo(error, err=True)
        sys.exit(2)
    works = all(one.verdict is not Verdict.WRONG for one in found)
    facts = {"works": works, "findings": [one.facts() for one in found]}
    click.echo(json.dumps(facts) if as_json else "\n".join(map(str, found)))
    sys.exit(0 if works else 2)


def _facts(configuration: Configuration) -> dict[str, Any]:
    return {
        "valid": True,
        "on": {name: _limits(chosen) for name, chosen in configuration.outputs.items()},
        "off": {name: asdict(off) for name, off in configuration.off.items()},
        "warnings": _problems(configuration.warnings),
    }


def _limits(chosen: OutputConfiguration) -> dict[str, Any]:
    settings = chosen.settings
    batch = chosen.type(settings, Context()).batch
    return {
        "batch": {"count": batch.count, "bytes": batch.bytes, "linger": batch.linger},
        "retry": {"minimum": settings.retry.minimum, "maximum": settings.retry.maximum},
        "timeout": settings.timeout,
        "minimumpriority": settings.minimumpriority.value.lower() if settings.minimumpriority else "",
        "filter": settings.filter,
        "group": {"window": settings.group.window, "by": list(settings.group.by)},
        "throttle": {"rate": settings.throttle.rate, "burst": settings.throttle.burst},
    }


def _problems(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [
        asdict(problem.place)
        | {"key": problem.key, "message": problem.message, "suggestions": list(problem.suggestions)}
        for problem in problems
    ]


def _text(facts: dict[str, Any], warnings: Sequence[Problem]) -> str:
    on, off = facts["on"], facts["off"]
    lines = ["On:"]
    lines += [f"  {name}: {_sentence(limits)}" for name, limits in on.items()]
    lines += ["Off:"] if off else []
    lines += [f"  {name}: {_reason(state)}" for name, state in off.items()]
    lines += ["Odd:"] if warnings else []
    lines += [f"  {warning}" for warning in warnings]
    return "".join(f"{line}\n" for line in lines)


def _reason(off: dict[str, Any]) -> str:
    if tuple(off["missing"]) == ("enabled",):
        return "not enabled"
    return f"no value for {' and '.join(off['missing'])}"


def _sentence(limits: dict[str, Any]) -> str:
    batch, retry = limits["batch"], limits["retry"]
    within = f" within {duration(batch['linger'])}" if batch["linger"] else ""
    parts = [
        f"batches of {batch['count']} alerts or {size(batch['bytes'])}{within}"
        if batch["count"] > 1
        else "one alert a request",
        f"pauses of {duration(retry['minimum'])} to {duration(retry['maximum'])} between tries",
        f"each try at most {duration(limits['timeout'])}",
        f"priority {limits['minimumpriority']} or higher" if limits["minimumpriority"] else "every priority",
    ]
    group, throttle = limits["group"], limits["throttle"]
    parts += [f"equal {' and '.join(group['by'])} told once in {duration(group['window'])}"] if group["window"] else []
    parts += [f"at most {rate(throttle['rate'])}"] if throttle["rate"] else []
    return ", ".join(parts) + (f", where {limits['filter']}" if limits["filter"] else "")
