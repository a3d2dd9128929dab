"""The entries of a YAML file: keys in any case, nested or dotted, each of them known or a problem."""

from typing import Any

import yaml

from sidekick.settings.document import Document, is_null, pairs, plain
from sidekick.settings.entry import Entries, Entry
from sidekick.settings.key import Key, Kind
from sidekick.settings.problem import Place, Problem
from sidekick.settings.schema import Schema


def read_entries(document: Document, schema: Schema) -> Entries:
    """All that the document holds; the named instances in it become part of the schema."""
    reader = _Reader(document, schema)
    if document.root is None:
        reader.entries.warnings.append(Problem("is empty", place=Place(document.file)))
    else:
        reader.section(document.root, "")
    return reader.entries


class _Reader:
    def __init__(self, document: Document, schema: Schema) -> None:
        self.document = document
        self.schema = schema
        self.entries = Entries()
        self._blank_section = ""

    def section(self, mapping: yaml.MappingNode, prefix: str) -> None:
        seen: dict[str, Place] = {}
        for node, value in pairs(mapping):
            place = self.document.place(node)
            if not isinstance(node, yaml.ScalarNode):
                self._problem("a key is one word", prefix, place)
                continue
            name = ".".join(filter(None, (prefix, node.value.lower())))
            if name in seen or name in self.entries.found:
                first = seen.get(name) or self.entries.found[name].place
                self._problem(f"is written twice, first at line {first.line}", name, place)
                continue
            seen[name] = place
            self._pair(name, node, value)

    def _pair(self, name: str, node: yaml.ScalarNode, value: yaml.Node) -> None:
        place = self.document.place(node)
        if name in self.schema.keys:
            self._value(self.schema.keys[name], value, place)
        elif name in self.schema.sections or self._is_instance(name, node, value):
            self.entries.places[name] = place
            self._below(name, value, place)
        else:
            # `slack:` and on the next line, not indented, `webhookurl:`
            misplaced = f"{self._blank_section}.{name}"
            meant = (misplaced,) if misplaced in self.schema.keys else self.schema.suggest(name)
            self.entries.problems.append(Problem("unknown key", name, place, meant))

    def _is_instance(self, name: str, node: yaml.ScalarNode, value: yaml.Node) -> bool:
        """Only a dotted key names an instance: in `slack: {ops: …}` it is more likely a misspelt one."""
        return "." in node.value and isinstance(value, yaml.MappingNode) and self.schema.instance(name)

    def _below(self, name: str, value: yaml.Node, place: Place) -> None:
        if isinstance(value, yaml.MappingNode):
            self.section(value, name)
        elif is_null(value):
            self._blank_section = name
        else:
            self._problem("is a section: it holds keys, no value of its own", name, place)

    def _value(self, key: Key, node: yaml.Node, place: Place) -> None:
        if is_null(node):
            return
        single = key.kind not in (Kind.LIST, Kind.MAP, Kind.TREE)
        if single and not isinstance(node, yaml.ScalarNode):
            what = "a list" if isinstance(node, yaml.SequenceNode) else "keys below it"
            self._problem(f"takes one value, not {what}", key.name, place)
            return
        self._remember(node, key.name)
        value = plain(node) if key.kind is Kind.TREE else _texts(node)
        self.entries.add(Entry(key, value, self.document.place(node)))

    def _remember(self, node: yaml.Node, name: str) -> None:
        """Keeps the places inside a value, and finds names that come twice there."""
        self.entries.places[name] = self.document.place(node)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._remember(item, f"{name}.{index}")
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in pairs(node):
                if str(key.value) in seen:
                    self._problem("is written twice", f"{name}.{key.value}", self.document.place(key))
                seen.add(str(key.value))
                self._remember(value, f"{name}.{key.value}")

    def _problem(self, message: str, name: str, place: Place) -> None:
        self.entries.problems.append(Problem(message, name, place))


def _texts(node: yaml.Node) -> Any:
    """Text as it is written (a password 0123 is no number), in a list or a map too; deeper, no text is wanted."""
    if isinstance(node, yaml.MappingNode):
        return {str(name.value): _text(value) for name, value in pairs(node)}
    return [_text(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else node.value


def _text(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        return plain(node)
    return "" if is_null(node) else node.value
