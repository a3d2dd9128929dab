"""`sidekick password`: the hash of a password, for `api.users`."""

import sys

import click

from sidekick.control.access.password import hash_password


@click.command("password")
@click.option("--password", help="Asked for without an echo unless it is given, which other processes can see.")
def command(password: str | None) -> None:
    """Prints the hash of a password, to be written as the `password` of an entry of `api.users`.

    Where standard input is no terminal, its first line is the password.
    """
    given = _read() if password is None else password
    if not given:
        raise click.UsageError("the password is empty")
    click.echo(hash_password(given))


def _read() -> str:
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return sys.stdin.readline().rstrip("\r\n")
