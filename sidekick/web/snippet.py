"""Texts to copy: a command that repeats a question, and a Falco exception for a rule that is too loud.

What goes into them may be hostile; quoted as shells and YAML want it, it is only text.
"""

import shlex
from collections.abc import Sequence

import yaml

from sidekick.event import Event

_TELLING = (
    ("proc.name", "proc.pname", "container.image.repository"),
    ("ka.user.name", "ka.target.resource", "ka.target.namespace"),
    ("ct.user", "ct.name"),
)
"""Fields that say who did it, by the kind of event; the first that an alert has are taken."""
_LONGEST = 1000


def curl(url: str) -> str:
    """The command that gets `url`; TOKEN is for the reader to fill in where a login is needed."""
    return f"curl -s {shlex.quote(url)}"


def exception(event: Event) -> str:
    """For a Falco rules file: the rule keeps quiet about what this alert has in its telling fields.

    `override` with `exceptions: append` needs Falco 0.36. Empty where the alert has no telling field.
    """
    fields = telling(event)
    if not fields:
        return ""
    entry = {
        "rule": event.rule,
        "exceptions": [
            {
                "name": "quiet_" + "_".join(name.replace(".", "_") for name in fields),
                "fields": list(fields),
                "comps": ["="] * len(fields),
                "values": [[str(event.fields[name]) for name in fields]],
            }
        ],
        "override": {"exceptions": "append"},
    }
    return yaml.safe_dump([entry], sort_keys=False, default_flow_style=None, width=1000)


def telling(event: Event) -> Sequence[str]:
    """Names of the fields that an exception or a silence is best made of."""
    for names in _TELLING:
        present = [name for name in names if isinstance(event.fields.get(name), str) and _usable(event.fields[name])]
        if present:
            return present
    return []


def _usable(text: str) -> bool:
    return bool(text) and text != "<NA>" and len(text) <= _LONGEST
