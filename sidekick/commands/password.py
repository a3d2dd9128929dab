"""`sidekick password`: the hash of a password, for `api.users`."""

import click

from sidekick.control.access.password import hash_password


@click.command("password")
@click.password_option(help="Asked for without an echo unless it is given, which other processes can see.")
def command(password: str) -> None:
    """Prints the hash of a password, to be written as the `password` of an entry of `api.users`."""
    click.echo(hash_password(password))
