"""What Falco reads from its configuration file, as far as this one file tells."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from sidekick.commands.falco.finding import Finding, Verdict
from sidekick.settings import Place
from sidekick.settings.document import Document, pairs, plain

_TRUE = {"true", "yes", "on", "y"}  # what yaml-cpp, by which Falco reads the file, takes for true


@dataclass(frozen=True)
class Flag:
    """A switch of Falco's with its default, and what comes of it when it is not as wanted."""

    key: str
    default: bool
    wanted: bool
    verdict: Verdict
    otherwise: str


class FalcoFile:
    """The values of one file by their dotted names."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = dict(_leaves(document.root, "")) if document.root else {}

    def text(self, key: str, default: str = "") -> str:
        value = plain(self._nodes[key]) if key in self._nodes else None
        return default if value is None else str(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        return self.text(key, str(default)).lower() in _TRUE

    def finding(self, verdict: Verdict, key: str, message: str) -> Finding:
        place = self._document.place(self._nodes[key]) if key in self._nodes else Place(self._document.file)
        return Finding(verdict, key, message, place)

    def judge(self, flag: Flag) -> Finding:
        wanted = str(flag.wanted).lower()
        if self.flag(flag.key, default=flag.default) == flag.wanted:
            return self.finding(Verdict.OK, flag.key, wanted)
        return self.finding(flag.verdict, flag.key, f"{flag.otherwise}; write {wanted}")


def _leaves(node: yaml.Node, name: str) -> Iterator[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        yield name, node
        return
    for key, value in pairs(node):
        yield from _leaves(value, f"{name}.{key.value}" if name else str(key.value))
