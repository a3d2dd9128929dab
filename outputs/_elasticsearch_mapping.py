"""How the servers of the Elasticsearch family index an alert, so that none is refused for what its fields hold.

Falco's `output_fields` have hundreds of names, and one name may be a number today and text tomorrow: an ordinary
mapping refuses alerts for a type that differs, and all new names after the thousandth. So the whole of `output_fields`
is one field (`flattened` of Elasticsearch, `flat_object` of OpenSearch), or, where neither exists, only a known subset
is indexed. What even that would refuse is left out of `output_fields`, and the whole goes along as text.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from sidekick.sdk import Answer, Event, encode_json

UNINDEXED = "output_fields_text"
"""Where all fields of an alert go, as JSON text, when some of them would be refused."""
TEMPLATE_VERSION = 1
# Other people's templates win: falcosidekick's own has no priority (0), those of the servers have 100 and more.
_PRIORITY = 1
_LONGEST_TERM = 32_000  # bytes; Lucene takes 32,766 for name and value together
_DEEPEST = 10  # `flattened` takes 20 levels
# Alerts have few names, and looking at each anew would cost as much as all the rest. Senders must not fill the memory.
_REMEMBERED_NAMES = 4096
_REMEMBERED_LENGTH = 64
_NESTED: frozenset[type[Any]] = frozenset((dict, list))

# No name may be the beginning of another: `fd.sip` is here, so `fd.sip.name` cannot be.
_SUBSET = {
    "container": "id image.repository image.tag name",
    "ct": "error id name region srcip user",
    "evt": "arg.flags args hostname res source type",
    "fd": "cip cport directory l4proto lip lport name rip rport sip sport type",
    "gcp": "callerIP projectId user",
    "github": "owner repo.name user",
    "group": "gid name",
    "k8s": "ns.name pod.name",
    "ka": "auth.decision auth.reason resp.name response.code sourceips uri user.name useragent verb",
    "ka.target": "name namespace resource subresource",
    "okta": "actor.name client.ip evt.type result",
    "proc": "cmdline cwd exe exepath name pid pname tty vpid",
    "user": "loginname loginuid name uid",
}


@dataclass(frozen=True)
class FieldsMapping:
    """How a server indexes `output_fields`, and what of them it would refuse."""

    body: Mapping[str, Any]
    paths: bool = False
    """A dot in a name is a step down, so that no name may have an empty part."""
    terms: bool = False
    """A name with its value is one term, whose length is bounded."""
    leaves: frozenset[str] = frozenset()
    """Names mapped to a value: an object there is refused, and so is a value at the name of a parent."""
    _sound: set[str] = field(default_factory=set[str], repr=False, compare=False)

    def taken(self, event: Event) -> dict[str, Any]:
        """The fields that the server indexes as they are: nearly always all, for a microsecond."""
        fields = event.fields
        flat = _NESTED.isdisjoint(map(type, fields.values())) and len(event.json) < _LONGEST_TERM
        if flat and (not self.paths or self._sound.issuperset(fields)):
            return fields
        kept = {name: value for name, value in fields.items() if self._takes(name, value)}
        if len(self._sound) < _REMEMBERED_NAMES:
            self._sound.update(name for name in kept if len(name) < _REMEMBERED_LENGTH)
        return kept

    def _takes(self, name: str, value: Any) -> bool:
        nested = type(value) in _NESTED
        if nested and not _is_shallow(value, _DEEPEST):
            return False
        # As JSON no text is shorter than in UTF-8, so this errs to the safe side.
        if len(encode_json({name: value if nested or self.terms else None})) > _LONGEST_TERM:
            return False
        if self.paths and not (self._takes_name(name) and all(map(_is_path, _names(value)))):
            return False
        return name not in self.leaves or not _holds_object(value)

    def _takes_name(self, name: str) -> bool:
        below = f"{name}."
        conflict = any(leaf.startswith(below) or name.startswith(f"{leaf}.") for leaf in self.leaves)
        return _is_path(name) and not conflict


FLATTENED = FieldsMapping({"type": "flattened", "ignore_above": 1024})
FLAT_OBJECT = FieldsMapping({"type": "flat_object"}, terms=True)
UNKNOWN = FieldsMapping({}, paths=True)
"""The mapping is somebody else's: only what every mapping refuses is held back."""


def subset(*, flat: bool) -> FieldsMapping:
    """The names that rules use most, for servers without a type for whole objects; the rest is stored, not indexed."""
    names = [f"{root}.{name}" for root, names in _SUBSET.items() for name in names.split()]
    leaves = [name.replace(".", "_") if flat else name for name in names]
    return FieldsMapping(
        {"dynamic": False, "properties": {name: _text(1024) for name in leaves}}, paths=True, leaves=frozenset(leaves)
    )


def of_server(answer: Answer, *, flat: bool) -> FieldsMapping:
    """The mapping for the server that gave this answer to `GET /`; UNKNOWN for one that is none of the family."""
    about = _about(answer)
    # The headers are there even when the login may not ask for the version.
    opensearch = re.match(r"OpenSearch/(\d+)\.(\d+)", answer.headers.get("x-opensearch-version", ""))
    if about.distribution == "opensearch" or opensearch:
        version = (int(opensearch[1]), int(opensearch[2])) if opensearch else about.release
        return FLAT_OBJECT if version >= (2, 7) else subset(flat=flat)
    if answer.headers.get("x-elastic-product") or about.release >= (8, 0):
        return FLATTENED
    if about.release >= (7, 3) and about.build_flavor == "default":
        return FLATTENED
    return subset(flat=flat) if about.release >= (7, 0) else UNKNOWN


class _Version(msgspec.Struct):
    number: str = ""
    distribution: str = ""
    build_flavor: str = ""

    @property
    def release(self) -> tuple[int, int]:
        match = re.match(r"(\d+)\.(\d+)", self.number)
        return (int(match[1]), int(match[2])) if match else (0, 0)


class _Root(msgspec.Struct):
    version: _Version = msgspec.field(default_factory=_Version)


def _about(answer: Answer) -> _Version:
    try:
        return msgspec.json.decode(answer.body, type=_Root).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Version()


def template(
    patterns: list[str], fields: FieldsMapping, settings: Mapping[str, int], *, stream: bool
) -> dict[str, Any]:
    """The body of `PUT /_index_template/NAME`. `_meta.digest` tells whether this very body has been put before."""
    body: dict[str, Any] = {
        "index_patterns": patterns,
        "priority": _PRIORITY,
        "version": TEMPLATE_VERSION,
        "template": {"settings": dict(settings), "mappings": {"properties": _properties(fields)}},
    }
    if stream:
        body["data_stream"] = {}
    digest = hashlib.sha256(encode_json(body)).hexdigest()[:16]
    return body | {"_meta": {"managed_by": "sidekick", "digest": digest}}


class _Meta(msgspec.Struct):
    digest: str = ""


class _Template(msgspec.Struct):
    version: int = 0
    meta: _Meta = msgspec.field(name="_meta", default_factory=_Meta)


class _Named(msgspec.Struct):
    index_template: _Template


class _Templates(msgspec.Struct):
    index_templates: list[_Named]


def is_current(present: bytes, body: Mapping[str, Any]) -> bool:
    """Whether the template on the server is this one, however a person edited it since, or a newer version's."""
    try:
        found = msgspec.json.decode(present, type=_Templates).index_templates[0].index_template
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError):
        return False
    return found.meta.digest == body["_meta"]["digest"] or found.version > TEMPLATE_VERSION


def _properties(fields: FieldsMapping) -> dict[str, Any]:
    words = ("uuid", "priority", "rule", "source", "tags", "hostname")
    return {
        "@timestamp": {"type": "date"},
        "time": {"type": "date"},
        "output": _text(2048),
        "output_fields": fields.body,
        UNINDEXED: {"type": "keyword", "index": False, "doc_values": False},
    } | {name: _text(256) for name in words}


def _text(longest: int) -> dict[str, Any]:
    """Searchable by word, and whole under `.keyword`: as a server maps text by itself, so that dashboards go on."""
    return {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": longest}}}


def _is_path(name: str) -> bool:
    return all(part.strip() for part in name.split("."))


def _is_shallow(value: Any, levels: int) -> bool:
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in _items(value))


def _holds_object(value: Any) -> bool:
    return isinstance(value, dict) or any(map(_holds_object, _items(value)))


def _items(value: Any) -> Iterable[Any]:
    """What is one level below a value; nothing below text and numbers."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from cast("dict[str, Any]", value)
    for item in _items(value):
        yield from _names(item)
