"""docs/reference: the pages that are made of the settings models, and all generated files together."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sidekick.sdk.output import Output
from sidekick.sdk.provider import PROVIDERS
from sidekick.sdk.settings import HttpSettings, OutputSettings
from sidekick.settings import form
from sidekick.settings.catalog import OutputType
from sidekick.settings.example import example, least_example, own_keys
from sidekick.settings.json_schema import json_schema
from sidekick.settings.key import Key, keys
from sidekick.settings.overview import overview
from sidekick.settings.sample import sample
from sidekick.settings.schema import Schema, schema

_HEAD = """\
# Settings

A configuration is a YAML file, the environment, or both; the environment comes first. `config/example.yaml` holds all
keys, `config/schema.json` tells them to an editor, and `sidekick check -c FILE` says what a file means.

- Durations are numbers with units: `500ms`, `30s`, `1h30m`, `7d`. Sizes are bytes, or `10MB` (10,000,000), `4MiB`
  (4,194,304). Rates are numbers in a span of time: `5/s`, `10/m`, `500/h`, `1000/d`.
- In an environment variable a list is `one,two`, and a map `name:value,name:value` or a JSON object, which is added to
  the file's. An empty variable is not set.
- `NAME_FILE` is the path of a file that holds the value of `NAME`; in the file a secret may be `file:/path`.
- Names of keys are read in any case and may be dotted (`aws.s3: {…}`); the names inside a map keep their case and dots.
- A second output of one kind is a named instance: `slack.ops: {…}`, with the variables `SLACK_OPS_…`. The file names
  it, if only by `slack.ops: {}`: variables alone make none.
"""
_ESCAPED = str.maketrans({"|": r"\|", "<": r"\<"})
_OUTPUTS_HEAD = """\
# Outputs

Where alerts can go. `sidekick outputs` lists the same, `sidekick outputs NAME` prints the keys of one to copy.

- **At once**: most alerts in one request, and most bytes of them; `batch` narrows both.
- **A resend** happens when an answer was lost, or after a crash. *Once*: the destination knows the alert by its id or
  its time, so that one copy is found there. *Twice*: there may be two. A dash: alerts are but counted.
- **Login**: the keys that prove who sends. Every output over HTTP can also show a client certificate (`mutualtls`).
"""


def generated() -> dict[str, str]:
    """The text of each generated file by its path from the root of the project."""
    known = schema()
    pages = {f"docs/reference/outputs/{kind.name}.md": output_page(kind, known) for kind in known.types.values()}
    return {
        "config/example.yaml": example(known),
        "config/schema.json": json.dumps(json_schema(known), indent=1, ensure_ascii=False) + "\n",
        "docs/reference/settings.md": settings_page(known),
        "docs/reference/outputs.md": outputs_page(known),
        **pages,
    }


def settings_page(known: Schema) -> str:
    """docs/reference/settings.md."""
    common = keys(OutputSettings, "")
    over_http = [key for name, key in keys(HttpSettings, "").items() if name not in common]
    parts = [
        _HEAD,
        "## Keys at the top level\n",
        _table(known.of("")),
        "## Keys of every output\n",
        _table(common.values(), variables=False),
        "Of those over HTTP also:\n",
        _table(over_http, variables=False),
        "## Keys that a provider's outputs share\n",
        _table(key for name in PROVIDERS for key in known.of(name)),
        "## Outputs\n",
        "[Each output](outputs.md) has a page of its own.\n",
    ]
    return "\n".join(parts)


def outputs_page(known: Schema) -> str:
    """docs/reference/outputs.md."""
    found = (overview(kind, known.of(kind.name)) for kind in known.types.values())
    rows = sorted(found, key=lambda row: (row.category, row))
    lines = [_row([row.category, f"[{row.name}](outputs/{row.name}.md)", *row[2:]]) for row in rows]
    head = _head(["kind", "output", "at once", "a resend is there", "login"])
    return "\n".join([_OUTPUTS_HEAD, *head, *lines]) + "\n"


def output_page(kind: OutputType, known: Schema) -> str:
    """docs/reference/outputs/NAME.md."""
    own = own_keys(kind, known)
    least = least_example(kind)
    block = [f"```yaml\n{least}```\n"] if least else []
    parts = [f"# {kind.output.title}\n", "\n".join(kind.facts()) + "\n"]
    parts += [*(f"{text}\n" for text in kind.remarks()), *block, *_arrival(kind.output)]
    parts += ["## Keys\n", _table(own)]
    return "\n".join([*parts, "[The keys of every output](../settings.md#keys-of-every-output) apply too.\n"])


def _arrival(output: type[Output[Any]]) -> Iterator[str]:
    """What is found there: in words, or as the text that is sent."""
    sent = sample(output)
    if output.arrives or sent:
        yield "## What arrives there\n"
    if output.arrives:
        yield f"{output.arrives}\n"
    if sent:
        yield f"The alert of this example, as it is sent:\n\n```\n{sent}```\n"


def _table(some: Iterable[Key], *, variables: bool = True) -> str:
    def columns(cells: list[str]) -> list[str]:
        return cells if variables else [cells[0], *cells[2:]]

    rows = _head(columns(["key", "variable", "value", "default", "meaning"]))
    for key in some:
        default = form.default(key)
        cells = [f"`{key.name}`", f"`{key.variable}`", form.words(key), f"`{default}`" if default else "", key.meaning]
        rows.append(_row(columns(cells)))
    return "\n".join(rows) + "\n"


def _head(titles: list[str]) -> list[str]:
    return [_row(titles), _row(["---"] * len(titles))]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.translate(_ESCAPED) for cell in cells)} |"
