"""Every key that may be written: its name in the file, its variable in the environment, and how its value is read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from sidekick.sdk.settings import Settings


class Kind(Enum):
    """How the value of a key is written."""

    TEXT = auto()
    SECRET = auto()
    NUMBER = auto()
    """An integer in any of YAML's forms, or a text that its type understands (`10MB`)."""
    WORD = auto()
    """One value with a meaning of its own (a flag, a duration, a choice): written blank, it is not set."""
    LIST = auto()
    MAP = auto()
    """The keys below are the user's own: their case and their dots are kept."""
    TREE = auto()
    """Lists or maps of sections."""


@dataclass(frozen=True)
class Key:
    """`name` is the whole dotted path; `section` is the part of it that names the model that validates it."""

    name: str
    section: str
    field: FieldInfo
    kind: Kind

    @property
    def variable(self) -> str:
        return variable(self.name)

    @property
    def path(self) -> list[str]:
        """The way to the value inside its section."""
        return self.name[len(self.section) :].lstrip(".").split(".")

    @property
    def meaning(self) -> str:
        """Its documentation, on one line."""
        return " ".join((self.field.description or "").split())


def variable(name: str) -> str:
    """The environment variable of a key: `aws.s3.bucket` is AWS_S3_BUCKET."""
    return name.upper().replace(".", "_").replace("-", "_")


@cache
def keys(model: type[Settings], section: str) -> Mapping[str, Key]:
    """All keys of a section by their full name."""
    return {key.name: key for key in _walk(model, section, section)}


def written(name: str, field: FieldInfo) -> str:
    """A field's name in the file: a key such as `from` or `async` is a word of Python, so its field has an alias."""
    return field.alias or name


def _walk(model: type[Settings], section: str, prefix: str) -> Iterator[Key]:
    for attribute, field in model.model_fields.items():
        name = ".".join(filter(None, (prefix, written(attribute, field))))
        nested = nested_settings(field)
        if nested is None:
            yield Key(name, section, field, _kind(field))
        else:
            yield from _walk(nested, section, name)


def nested_settings(field: FieldInfo) -> type[Settings] | None:
    """The model of a key that holds keys itself."""
    annotation: Any = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Settings) else None


def entry_settings(field: FieldInfo) -> type[Settings] | None:
    """The model of each section in a list or map of sections."""
    models = (part for part in get_args(field.annotation) if isinstance(part, type) and issubclass(part, Settings))
    return next(models, None)


def validators(field: FieldInfo) -> list[BeforeValidator]:
    """What reads the value as it is written; of a type that may be None too."""
    parts = [part for part in get_args(field.annotation) if get_origin(part) is Annotated]
    metadata = [*field.metadata, *(item for part in parts for item in get_args(part)[1:])]
    return [item for item in metadata if isinstance(item, BeforeValidator)]


def _kind(field: FieldInfo) -> Kind:
    annotation = _bare(field.annotation)
    arguments = [_bare(argument) for argument in get_args(annotation)]
    match get_origin(annotation):
        case origin if origin in (tuple, list, set, frozenset):
            return Kind.LIST if arguments[0] is str else Kind.TREE
        case origin if origin is dict:
            return Kind.MAP if arguments[1] is str else Kind.TREE
        case _:
            return _single(annotation, field)


def _single(annotation: Any, field: FieldInfo) -> Kind:
    if annotation is SecretStr:
        return Kind.SECRET
    if annotation is str:
        return Kind.TEXT
    possible: set[Any] = {_bare(item) for item in get_args(annotation) or [annotation]} - {type(None)}
    if get_origin(annotation) is Literal:
        possible = {value.__class__ for value in possible}
    elif validators(field):
        # A duration is no number though it becomes one, for it has a unit.
        possible -= {float}
    return Kind.NUMBER if possible and possible <= {int, float} else Kind.WORD


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
