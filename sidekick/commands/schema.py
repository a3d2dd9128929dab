"""`sidekick schema`: the files that are made of the settings models."""

from pathlib import Path

import click

from sidekick.settings.reference import generated

_PAGES = Path("docs/reference/outputs")


@click.command()
@click.option("--write", is_flag=True, help="Write all generated files below the current directory instead.")
def command(write: bool) -> None:
    """Prints the configuration file's JSON schema, for an editor.

    With --write: config/example.yaml, config/schema.json and the pages of docs/reference.
    """
    texts = generated()
    if not write:
        click.echo(texts["config/schema.json"], nl=False)
        return
    for page in set(_PAGES.glob("*.md")) - {Path(name) for name in texts}:
        page.unlink()
    for name, text in texts.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, "utf-8")
