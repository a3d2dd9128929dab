"""The vocabulary in which every section of the configuration is declared: one field, one meaning, one place.

A field's name is its key in the file, its attribute docstring is its documentation, `Secret` marks what is never shown.
"""

import json
import re
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from sidekick.event import Priority

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# So many digits that no number of them is beyond what a float or a clock holds.
_DURATION = re.compile(r"(\d{1,12}(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_SIZE = re.compile(r"(\d{1,18}(?:\.\d+)?)\s*([kMGT]?)(i?)B?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_RATE = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*/\s*([smhd])")
_TRUE, _FALSE = {"1", "t", "true"}, {"0", "f", "false"}


def seconds(value: Any) -> Any:
    """Seconds of a Go duration (`1m30s`, `500ms`; days too). A bare number has no unit and is refused, save 0."""
    if isinstance(value, float) or value in (0, "0"):
        return float(value)
    text = str(value).strip()
    if not text or _DURATION.sub("", text):
        raise ValueError(f"{value!r} is no duration: write a number with its unit, such as 30s, 500ms or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))


def size_in_bytes(value: Any) -> Any:
    """Bytes of a size such as `10MB` (10,000,000) or `4MiB` (4,194,304); a bare number is bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is no size: write bytes, or a number with its unit, such as 10MB or 1GiB")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()])


def per_second(value: Any) -> Any:
    """Events a second of a rate such as `10/m`; 0 is 0, and a bare number has no unit and is refused."""
    if isinstance(value, float) or value in (0, "0"):
        return float(value)
    match = _RATE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is no rate: write a number in a span of time, such as 10/m or 500/h")
    return float(match[1]) / _UNITS[match[2]]


def _priority(value: Any) -> Any:
    if value is None or value == "" or isinstance(value, Priority):
        return value or None
    try:
        return Priority.parse(str(value))
    except KeyError:
        names = ", ".join(priority.value.lower() for priority in Priority)
        raise ValueError(f"{value!r} is no priority: write one of {names}") from None


def _comma_list(value: Any) -> Any:
    if value is None or value == "":
        return ()
    return tuple(value.split(",")) if isinstance(value, str) else value


def _word_list(value: Any) -> Any:
    """Words of a comma list, spaces anywhere in it being of no meaning."""
    return tuple(word for word in value.replace(" ", "").split(",") if word) if isinstance(value, str) else value or ()


def text_map(value: Any) -> Any:
    """A map, also written in one text as `name:value,name:value` or as a JSON object (environment variables)."""
    if not isinstance(value, str):
        return value or {}
    if value.lstrip().startswith("{"):
        return json.loads(value)
    pairs = [item.partition(":") for item in value.split(",") if item]
    for count, (name, colon, _) in enumerate(pairs, 1):
        if not (name and colon):
            # The item may be a header with a password in it, so only its number is told.
            raise ValueError(f"item {count} has no name or no value: write name:value,name:value")
    return {name: text for name, _, text in pairs}


def _flag(value: Any) -> Any:
    """Go's strconv.ParseBool, and no more: `yes` and `on` are text in YAML 1.2."""
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{value!r} is no boolean: write true or false")
    return word in _TRUE


def _text(value: Any) -> Any:
    """A scalar as text: YAML reads an unquoted `1234` as a number where a name or a password is meant."""
    return (
        str(value) if isinstance(value, int | float) and not isinstance(value, bool) else "" if value is None else value
    )


def _address(value: str) -> str:
    """Refuses what is no IP address; nothing is every address."""
    if value:
        ip_address(value)
    return value


def _lower(value: Any) -> Any:
    return str(value).lower()


def _template(text: str) -> str:
    """Refuses what is no Go template."""
    from sidekick.sdk.template import compile_template  # noqa: PLC0415  (only who writes a template pays for it)

    compile_template(text)
    return text


Duration = Annotated[float, BeforeValidator(seconds)]
Rate = Annotated[float, BeforeValidator(per_second)]
Size = Annotated[int, BeforeValidator(size_in_bytes)]
MinimumPriority = Annotated[Priority | None, BeforeValidator(_priority)]
CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
WordList = Annotated[tuple[str, ...], BeforeValidator(_word_list)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]
IpAddress = Annotated[Text, AfterValidator(_address)]
Port = Annotated[int, Field(ge=0, le=65535)]
TextMap = Annotated[dict[str, Text], BeforeValidator(text_map)]
TemplateText = Annotated[Text, AfterValidator(_template)]
TemplateMap = Annotated[dict[str, TemplateText], BeforeValidator(text_map)]
AnyCase = BeforeValidator(_lower)
"""On a choice of words: they may be written in any case."""
Secret = Annotated[SecretStr, BeforeValidator(_text)]
NO_SECRET = SecretStr("")


class Settings(BaseModel):
    """A section of the configuration."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        defer_build=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, data: Any) -> Any:
        """A key written without a value (`slack:` and nothing) means its default, as in falcosidekick."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data  # type: ignore[reportUnknownVariableType]


class Batch(Settings):
    """When a batch is sent: at `count` events, at `bytes`, or `linger` after its first event, whichever comes first."""

    count: int | None = None
    """Most events in one request; the destination's own limit when unset."""
    bytes: Size | None = None
    """Most bytes of events in one request; the destination's own limit when unset."""
    linger: Duration | None = None
    """How long the first event of a batch waits for company."""


class Retry(Settings):
    """Pause before another try: random between 0 and `minimum` doubled at each failure, never above `maximum`."""

    minimum: Duration = Field(default=1.0, gt=0)
    """Upper bound of the first pause."""
    maximum: Duration = Field(default=60.0, gt=0)
    """Upper bound of every pause; what a destination asks for with Retry-After is honoured beyond it, up to an
    hour."""


class Throttle(Settings):
    """What one output is sent at most; alerts over it are told in one message a window, and stay in the journal."""

    rate: Rate = 0.0
    """Alerts sent one by one in the long run, such as 10/m; 0: no limit."""
    burst: int = Field(default=10, ge=1)
    """Alerts that may come at once before the rate holds."""
    window: Duration = Field(default=60.0, gt=0, le=3600)
    """How long alerts over the rate are gathered, from the first of them on, before one message tells of them."""


class Group(Settings):
    """Equal alerts as two messages at most: the first at once, then one that says how often it came."""

    window: Duration = Field(default=0.0, ge=0, le=3600)
    """How long alerts equal to a first are gathered; 0: each alert is sent."""
    by: WordList = ("rule", "hostname")
    """Fields that make alerts equal: rule, priority, source, hostname, output, tags or any output field."""


class OutputSettings(Settings):
    """What every output understands."""

    minimumpriority: MinimumPriority = None
    """Least priority sent: emergency, alert, critical, error, warning, notice, informational or debug. Empty: all."""
    filter: Text = ""
    """Condition in Falco's syntax that an alert must meet, such as `priority >= Warning and not fd.rip exists`."""
    batch: Batch = Batch()
    """Overrides of the destination's batch limits."""
    retry: Retry = Retry()
    """Pauses between tries; nothing is given up for having waited long."""
    timeout: Duration = Field(default=30.0, gt=0)
    """Longest wait for one try, from the first byte sent to the last byte read."""
    group: Group = Group()
    """Equal alerts told together, for outputs that people read."""
    throttle: Throttle = Throttle()
    """A limit on messages, for outputs that people read."""
    silences: Flag | None = None
    """Whether silenced alerts are kept from it; unset: from all but stores (logs, queues, metrics, databases)."""


class HttpSettings(OutputSettings):
    """What every output over HTTP understands."""

    mutualtls: Flag = False
    """Present the client certificate of `mutualtlsclient`."""
    checkcert: Flag = True
    """Verify the server's certificate; false accepts anybody's."""
    maxconcurrentrequests: int = Field(default=1, ge=0)
    """Requests in flight at once where one request carries one alert; 0 means 64."""
