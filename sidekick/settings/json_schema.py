"""config/schema.json: the file's keys as a JSON schema (2020-12), for editors. It knows keys in lower case only."""

from typing import Any

from sidekick.settings import form
from sidekick.settings.schema import Schema


def json_schema(known: Schema) -> dict[str, Any]:
    root = _section()
    for key in known.keys.values():
        *sections, leaf = key.name.split(".")
        place = root
        for section in sections:
            place = place["properties"].setdefault(section, _section())
        place["properties"][leaf] = {"description": key.meaning, **form.json_type(key)}
    root["patternProperties"] = {
        _pattern(name): {"$ref": f"#/properties/{'/properties/'.join(name.split('.'))}"} for name in known.types
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Configuration of sidekick"}
    return head | root | {"$defs": form.JSON_TYPES}


def _pattern(name: str) -> str:
    """The named instances of an output, and itself where its name has a dot."""
    return f"^{name.replace('.', '[.]')}([.][a-z0-9][a-z0-9_-]*){'?' if '.' in name else ''}$"


def _section() -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": {}, "additionalProperties": False}
