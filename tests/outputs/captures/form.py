"""Forms as AWS's query protocol writes them: `A.entry.1.Name=x` is a place in a document."""

from typing import Any
from urllib.parse import parse_qsl

CONTENT_TYPE = "application/x-www-form-urlencoded"


def decoded(text: str) -> dict[str, Any]:
    """The document; entries of a map are by their names, for their numbers say nothing."""
    root: dict[str, Any] = {}
    for path, value in parse_qsl(text, keep_blank_values=True):
        *folders, name = path.split(".")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return _by_name(root)


def _by_name(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    children = {name: _by_name(child) for name, child in node.items()}
    entries = children.get("entry", {})
    return {entry["Name"]: entry["Value"] for entry in entries.values()} if entries else children
