"""config/example.yaml: every key with its documentation and default, all commented out, so that it means the defaults.

A line that starts with `# ` is prose; any other line is YAML once its first `#` is gone.
"""

from collections.abc import Iterable
from textwrap import wrap

import yaml

from sidekick.sdk.provider import PROVIDERS
from sidekick.sdk.settings import HttpSettings
from sidekick.settings import form
from sidekick.settings.catalog import OutputType
from sidekick.settings.key import Key, keys
from sidekick.settings.schema import Schema

_WIDTH = 110
_HEAD = """\
Every key with its default: what is commented out counts as written. `sidekick check -c FILE` says what a file means.
Each key may be an environment variable too (aws.s3.bucket is AWS_S3_BUCKET), which comes before the file; with _FILE
after its name it is the path of a file that holds the value. In this file a secret may be `file:/path`.
A second output of one kind is a named instance: `slack.ops:` beside `slack:`, with the variables SLACK_OPS_…
"""
_COMMON = "Keys of every output, to be written in its own section; the last three are of those over HTTP."


def example(known: Schema) -> str:
    """The whole file."""
    parts = [_prose([_HEAD]), _yaml(_lines(known.of(""), 0))]
    parts.append(_prose([_COMMON]) + _yaml(_lines(keys(HttpSettings, "").values(), 0, variables=False)))
    for provider in PROVIDERS:
        prose = _prose([f"Keys that the outputs of {provider} share; each of them may have its own value."])
        parts.append(prose + _yaml([f"{provider}:", *_lines(known.of(provider), 1)]))
    return "\n".join([*parts, *(output_example(kind, known) for kind in known.types.values())])


def output_example(kind: OutputType, known: Schema) -> str:
    """One output's own keys."""
    return _prose(kind.facts()) + _yaml([f"{kind.name}:", *_lines(own_keys(kind, known), 1)])


def least_example(kind: OutputType) -> str:
    """The YAML that turns one output on; nothing for an output that is always on."""
    section: object = dict(kind.output.example)
    for part in reversed(kind.name.split(".")):
        section = section and {part: section}
    return yaml.safe_dump(section, sort_keys=False, width=_WIDTH) if section else ""


def own_keys(kind: OutputType, known: Schema) -> list[Key]:
    """The keys of an output that are not those of every output, or mean something else there."""
    common = {name: (key.meaning, form.default(key)) for name, key in keys(HttpSettings, "").items()}
    every = known.of(kind.name)
    return [key for key in every if common.get(".".join(key.path)) != (key.meaning, form.default(key))]


def _lines(some: Iterable[Key], depth: int, *, variables: bool = True) -> list[str]:
    """The keys as YAML, each below its documentation, sections once above their keys."""
    lines: list[str] = []
    opened: list[str] = []
    for key in some:
        *sections, leaf = key.path
        for level, section in enumerate(sections):
            if opened[: level + 1] != sections[: level + 1]:
                lines.append("  " * (depth + level) + section + ":")
        opened = sections
        indent = "  " * (depth + len(sections))
        lines += [f"{indent}# {line}" for line in wrap(key.meaning, _WIDTH - len(indent))]
        written = f"{indent}{leaf}: {form.default(key)}".rstrip()
        lines.append(f"{written}  # {form.words(key)}{', ' + key.variable if variables else ''}")
    return lines


def _prose(lines: Iterable[str]) -> str:
    return "".join(f"# {line}\n" for text in lines for line in wrap(text, _WIDTH))


def _yaml(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" if line.startswith("# ") else f"#{line}\n" for line in lines)
