"""The command `sidekick-xdp`. Exit codes: 0 done, 1 refused, 2 usage, 3 no daemon, 4 not attached or not possible."""

from pathlib import Path
from typing import TextIO

import click

from bpf import protocol, table
from bpf.command import REFUSED, Session, seconds
from bpf.feed import parse
from bpf.host import attach, detach, serve, status, upgrade
from bpf.metrics import text
from bpf.place import Place

DEFAULT = Place()


@click.group(context_settings={"auto_envvar_prefix": "SIDEKICK_XDP", "help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON instead of tables.")
@click.option("--pins", type=click.Path(path_type=Path), default=DEFAULT.pins, show_default=True, help="On a bpffs.")
@click.option("--run", type=click.Path(path_type=Path), default=DEFAULT.run, show_default=True, help="Socket, record.")
@click.option("--state", type=click.Path(path_type=Path), default=DEFAULT.state, show_default=True, help="Ledger.")
@click.pass_context
def main(context: click.Context, as_json: bool, pins: Path, run: Path, state: Path) -> None:
    """Drops packets of blocked sources in the kernel, before the network stack sees them."""
    context.obj = Session(Place(pins, run, state), as_json)


@main.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS[/LEN]...")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Only this TCP or UDP port of this host.")
@click.option("--for", "life", type=seconds, default="1h", show_default=True, help="How long.")
@click.option("--reason", default="", help="Shown by `list`.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@click.pass_obj
def block(
    session: Session, addresses: tuple[str, ...], port: int | None, life: float, reason: str, dry_run: bool
) -> None:
    """Block sources."""
    entries = [protocol.Wanted(address, port or 0, life, reason=reason) for address in addresses]
    _block(session, protocol.Block(entries, dry_run=dry_run))


@main.command("import")
@click.argument("file", type=click.File("r", errors="replace"))
@click.option("--for", "life", type=seconds, default="1d", show_default=True, help="How long.")
@click.option("--reason", default="", help="Shown by `list`.")
@click.pass_obj
def import_(session: Session, file: TextIO, life: float, reason: str) -> None:
    """Block what a file lists: one address, ADDRESS:PORT or network a line (`-` is standard input)."""
    good, bad = parse(file)
    for line in bad[:10]:
        click.echo(f"not a target: {line[:80]!r}", err=True)
    if bad:
        click.echo(f"{len(bad)} of {len(good) + len(bad)} lines are no target", err=True)
    entries = [protocol.Wanted(str(target), seconds=life, reason=reason) for target in good]
    answer = session.ask(protocol.Block(entries))
    refused = [outcome for outcome in answer.outcomes if outcome.refused]
    result = {"blocked": len(answer.outcomes) - len(refused), "refused": len(refused), "bad_lines": len(bad)}
    session.show(result, lambda: _import_table(result, refused))
    if refused or bad:
        raise SystemExit(REFUSED)


@main.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS[/LEN][:PORT]...")
@click.pass_obj
def unblock(session: Session, addresses: tuple[str, ...]) -> None:
    """Let sources pass again."""
    answer = session.ask(protocol.Unblock(list(addresses)))
    session.show({"ended": answer.ended}, lambda: click.echo(f"{answer.ended} unblocked"))
    if not answer.ended:
        raise SystemExit(REFUSED)


@main.command()
@click.argument("networks", nargs=-1, metavar="[NETWORK...]")
@click.option("--remove", is_flag=True, help="Take off the list.")
@click.pass_obj
def allow(session: Session, networks: tuple[str, ...], remove: bool) -> None:
    """Never block these; without arguments, show what is protected and why."""
    found = session.ask(protocol.Allow(list(networks), remove)).networks
    session.show(found, lambda: table.show("never blocked", ("network", "why"), sorted(found.items())))


@main.command("list")
@click.option("--limit", type=click.IntRange(0), default=1000, show_default=True, help="The newest; 0 for all.")
@click.pass_obj
def list_(session: Session, limit: int) -> None:
    """Show what is blocked, why, and until when."""
    rows = session.ask(protocol.List(limit)).rows
    session.show(rows, lambda: table.blocks(rows))


@main.command()
@click.pass_obj
def decisions(session: Session) -> None:
    """Show what became of the latest alerts' sources, refused and tried ones too."""
    answer = session.ask(protocol.Decisions()).decisions
    session.show(answer, lambda: table.decisions(answer))


@main.command()
@click.option("--prometheus", is_flag=True, help="In Prometheus' text form.")
@click.pass_obj
def stats(session: Session, prometheus: bool) -> None:
    """Show counters and how full the maps are."""
    answer = session.ask(protocol.Stats()).stats
    if prometheus:
        click.echo(text(answer), nl=False)
        return
    session.show(answer, lambda: table.stats(answer))


@main.command()
@click.pass_obj
def clear(session: Session) -> None:
    """Unblock everything. With the daemon dead, `detach` does."""
    ended = session.ask(protocol.Clear()).ended
    session.show({"ended": ended}, lambda: click.echo(f"{ended} unblocked"))


for command in (attach, detach, upgrade, status, serve):
    main.add_command(command)


def _block(session: Session, request: protocol.Block) -> None:
    outcomes = session.ask(request).outcomes
    session.show(outcomes, lambda: table.outcomes(outcomes, dry_run=request.dry_run))
    if any(outcome.refused for outcome in outcomes):
        raise SystemExit(REFUSED)


def _import_table(result: dict[str, int], refused: list[protocol.Outcome]) -> None:
    table.outcomes(refused[:10], dry_run=False)
    click.echo(f"{result['blocked']} blocked, {result['refused']} refused")


if __name__ == "__main__":
    main()
