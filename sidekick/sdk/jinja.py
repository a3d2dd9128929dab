"""Texts that a user writes as a Jinja2 template: sandboxed, tried on the test alert before anything is sent.

A template knows the alert's own keys (`uuid`, `output`, `priority`, `rule`, `time`, `output_fields`, `source`, `tags`,
`hostname`) and `json`, the whole alert. What has no value renders as nothing, by `tojson` as null.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator

from sidekick.event import Event, encode_json
from sidekick.sdk.errors import PermanentError
from sidekick.sdk.settings import Text

_NAMES = frozenset(
    ("uuid", "output", "priority", "rule", "time", "output_fields", "source", "tags", "hostname", "json")
)


def compile_jinja(text: str) -> Callable[[Event], str]:
    """What renders an alert, or ValueError; rendering raises `PermanentError` where the template fails on an alert."""
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415  (only who writes a template pays for it)
    from jinja2.meta import find_undeclared_variables  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(finalize=_shown, keep_trailing_newline=True)
    environment.policies |= {"json.dumps_function": _dumps, "json.dumps_kwargs": {}}
    try:
        unknown = find_undeclared_variables(environment.parse(text)) - _NAMES - environment.globals.keys()
        template = environment.from_string(text)
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno} of the template: {error.message}") from None
    if unknown:
        raise ValueError(f"an alert has no {min(unknown)!r}: it has {', '.join(sorted(_NAMES))}")

    def render(event: Event) -> str:
        try:
            return template.render(_values(event))
        except Exception as error:  # noqa: BLE001  (a template may call what raises anything)
            raise PermanentError(f"the template fails on an alert: {error}") from None

    return render


def _values(event: Event) -> dict[str, Any]:
    return {
        "uuid": event.uuid,
        "output": event.output,
        "priority": event.priority.value,
        "rule": event.rule,
        "time": event.time,
        "output_fields": event.fields,
        "source": event.source,
        "tags": list(event.tags),
        "hostname": event.hostname,
        "json": event.json.decode(),
    }


def _shown(value: Any) -> Any:
    return "" if value is None else value


def _dumps(value: Any) -> str:
    from jinja2 import Undefined  # noqa: PLC0415

    return encode_json(None if isinstance(value, Undefined) else value).decode()


def _checked(text: str) -> str:
    render = compile_jinja(text)
    try:
        render(Event.test())
    except PermanentError as error:
        raise ValueError(f"{error}: it is tried on the test alert") from None
    return text


JinjaText = Annotated[Text, AfterValidator(_checked)]
