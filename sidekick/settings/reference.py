"""docs/reference: the pages that are made of the settings models, and all generated files together."""

import json
from collections.abc import Iterable

from sidekick.sdk.provider import PROVIDERS
from sidekick.sdk.settings import HttpSettings, OutputSettings
from sidekick.settings import form
from sidekick.settings.catalog import OutputType
from sidekick.settings.example import example, least_example, own_keys
from sidekick.settings.json_schema import json_schema
from sidekick.settings.key import Key, keys
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
- A second output of one kind is a named instance: `slack.ops: {…}`, with the variables `SLACK_OPS_…`.
"""


def generated() -> dict[str, str]:
    """The text of each generated file by its path from the root of the project."""
    known = schema()
    pages = {f"docs/reference/outputs/{kind.name}.md": output_page(kind, known) for kind in known.built()}
    return {
        "config/example.yaml": example(known),
        "config/schema.json": json.dumps(json_schema(known), indent=1, ensure_ascii=False) + "\n",
        "docs/reference/settings.md": settings_page(known),
        **pages,
    }


def settings_page(known: Schema) -> str:
    """docs/reference/settings.md."""
    common = keys(OutputSettings, "")
    over_http = [key for name, key in keys(HttpSettings, "").items() if name not in common]
    waiting = sorted(name for name, kind in known.types.items() if kind.output is None)
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
        "".join(f"- [{kind.name}](outputs/{kind.name}.md)\n" for kind in known.built()),
    ]
    if waiting:
        parts.append(f"Known from falcosidekick, their keys checked, and not built yet: {', '.join(waiting)}.\n")
    return "\n".join(parts)


def output_page(kind: OutputType, known: Schema) -> str:
    """docs/reference/outputs/NAME.md."""
    assert kind.output is not None
    own = own_keys(kind, known)
    least = least_example(kind)
    block = [f"```yaml\n{least}```\n"] if least else []
    parts = [f"# {kind.output.title}\n", "\n".join(kind.facts()) + "\n", *block, _table(own)]
    return "\n".join([*parts, "[The keys of every output](../settings.md#keys-of-every-output) apply too.\n"])


def _table(some: Iterable[Key], *, variables: bool = True) -> str:
    heads = ["key", "variable", "value", "default", "meaning"]
    rows = [_row(heads, variables), _row(["---"] * 5, variables)]
    for key in some:
        default = form.default(key)
        cells = [f"`{key.name}`", f"`{key.variable}`", form.words(key), f"`{default}`" if default else "", key.meaning]
        rows.append(_row(cells, variables))
    return "\n".join(rows) + "\n"


def _row(cells: list[str], variables: bool) -> str:
    shown = [cell.replace("|", "\\|").replace("<", "\\<") for at, cell in enumerate(cells) if variables or at != 1]
    return f"| {' | '.join(shown)} |"
