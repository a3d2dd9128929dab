"""A YAML file as nodes that know their line and column; what is no YAML becomes a problem, never a traceback."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import Reader

from sidekick.settings.problem import ConfigurationError, Place, Problem
from sidekick.settings.scalar import resolve

_MOST_NODES = 200_000
_MOST_DEPTH = 50


class _Loader(yaml.CSafeLoader):
    """Composes only: every plain scalar stays text, for what it means depends on its key."""

    yaml_implicit_resolvers: dict[str, Any] = {}


class Document:
    """The top-level mapping of one file; `root` is None when nothing is written in it."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.root = _compose(text, file)

    def place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def read(path: Path) -> Document:
    """The document in a file; raises `ConfigurationError` when there is no file to read or no YAML mapping in it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([Problem(f"cannot be read: {error.strerror}", place=Place(str(path)))]) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(str(path), before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise ConfigurationError([Problem("is no text: a configuration is YAML in UTF-8", place=place)]) from None
    return Document(text, str(path))


def parse(text: str) -> Any:
    """A value of several parts that is written in one variable, as YAML or JSON; raises ValueError."""
    try:
        root = _nodes(text)
    except yaml.YAMLError:
        raise ValueError("is no YAML") from None
    if root is None:
        return None
    _check_size(root, {}, 0)
    return plain(root)


def pairs(mapping: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Keys and values in the order written, what `<<` merges in last; a key that comes twice comes twice here."""
    merged: list[yaml.Node] = []
    written: set[str] = set()
    for key, value in mapping.value:
        if is_merge(key):
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
        else:
            written.add(str(key.value))
            yield key, value
    for other in merged:
        for key, value in pairs(other) if isinstance(other, yaml.MappingNode) else ():
            if str(key.value) not in written:
                written.add(str(key.value))
                yield key, value


def plain(node: yaml.Node) -> Any:
    """The node as Python data, scalars resolved; a quoted scalar is text."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): plain(value) for key, value in pairs(node)}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    return node.value if is_quoted(node) else resolve(node.value)


def is_quoted(node: yaml.Node) -> bool:
    return bool(getattr(node, "style", None))


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not is_quoted(node) and resolve(node.value) is None


def is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and not is_quoted(key) and key.value == "<<"


def _nodes(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=_Loader)  # type: ignore[no-any-return]


def _compose(text: str, file: str) -> yaml.MappingNode | None:
    control = Reader.NON_PRINTABLE.search(text)
    if control is not None:
        raise _refused("a control character: is this a text file?", Place(file, *_position(text, control.start())))
    try:
        root = _nodes(text)
    except yaml.MarkedYAMLError as error:
        raise _refused(*_explained(error, text, file)) from None
    if root is None or is_null(root):
        return None
    place = Place(file, root.start_mark.line + 1, root.start_mark.column + 1)
    if not isinstance(root, yaml.MappingNode):
        raise _refused("keys with values are wanted at the top level (`key: value`)", place)
    try:
        _check_size(root, {}, 0)
    except ValueError as error:
        raise _refused(str(error), place) from None
    return root


def _explained(error: yaml.MarkedYAMLError, text: str, file: str) -> tuple[str, Place]:
    mark = error.problem_mark or error.context_mark
    message = f"no YAML: {error.problem}"
    if mark is None:
        return message, Place(file)
    line = text.split("\n")[mark.line : mark.line + 1]
    if line and "\t" in line[0][: len(line[0]) - len(line[0].lstrip())]:
        message = "a tab in the indentation: YAML takes spaces only"
    return message, Place(file, mark.line + 1, mark.column + 1)


def _check_size(node: yaml.Node, sizes: dict[int, int], depth: int) -> int:
    """Counts the nodes that aliases stand for, so that no small file unfolds without end; raises ValueError."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if depth > _MOST_DEPTH:
        raise ValueError(f"values nested more than {_MOST_DEPTH} deep")
    if id(node) not in sizes:
        sizes[id(node)] = _MOST_NODES  # met again below itself: an alias to what holds it
        children = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        sizes[id(node)] = 1 + sum(_check_size(child, sizes, depth + 1) for child in children)
    if sizes[id(node)] >= _MOST_NODES:
        raise ValueError("aliases (`*name`) that unfold without end")
    return sizes[id(node)]


def _position(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _refused(message: str, place: Place) -> ConfigurationError:
    return ConfigurationError([Problem(message, place=place)])
