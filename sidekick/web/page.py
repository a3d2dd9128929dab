"""How a page is made: the templates, what they can do with an alert's text, and the headers that go with each answer.

Whatever is shown may have been written by an attacker. Jinja2 escapes it, `<bdi>` keeps its right-to-left marks to
itself, and the policy below lets no script run but those of this folder.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from sidekick.filter.operators import text_of
from sidekick.sdk.moment import utc
from sidekick.unseen import UNSEEN, number

HERE = Path(__file__).parent
CUT = 300
"""Characters of a text that a list shows."""
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # 0001-01-01 and 9999-12-31, s since 1970
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def cut(text: object, length: int = CUT) -> str:
    """The beginning of a text that is too long for a list."""
    whole = str(text)
    return whole if len(whole) <= length else whole[:length] + "…"


def visible(text: object) -> Markup:
    """A text with the numbers of what nobody would see in it, as the marks that make `fdp.exe` read `exe.pdf`."""
    signed = UNSEEN.sub(lambda unseen: f'<span class="unseen-sign">{number(unseen[0])}</span>', str(escape(text)))
    return Markup(signed)  # noqa: S704  (escaped)


def isolated(text: object) -> Markup:
    """A text that cannot turn around what stands beside it, or itself."""
    return Markup("<bdi>{}</bdi>").format(visible(text))


def value_text(value: object) -> str:
    """A field's value as people write it; lists and objects as JSON."""
    if value is None or isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return text_of(value)


def moment(seconds: float | datetime | str) -> Markup:
    """A time to read (UTC) and for machines; the browser's script adds the local one."""
    if isinstance(seconds, str):
        seconds = datetime.fromisoformat(seconds)
    at = utc(seconds) if isinstance(seconds, datetime) else within_years(seconds)
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds"), at.strftime("%Y-%m-%d %H:%M:%S")
    )


def within_years(seconds: float) -> datetime:
    """That time, or the first or the last that Python knows: of all alerts' times the first bar may begin before it."""
    return datetime.fromtimestamp(min(max(seconds, _FIRST), _LAST), UTC)


def duration(seconds: float) -> str:
    """In the largest unit that it has at least one of."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def attribute_json(value: object) -> Markup:
    """JSON for a script, inside an attribute in double quotes."""
    return escape(json.dumps(value, ensure_ascii=False))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (cut, isolated, visible, value_text, moment, duration, plural, attribute_json)
    cast("dict[str, Any]", environment.filters).update({function.__name__: function for function in filters})
    return environment


_templates = _environment()


def fragment(template: str, **values: Any) -> str:
    """A part of a page."""
    return _templates.get_template(template).render(values)


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole answer."""
    return HTMLResponse(fragment(template, **values), status, HEADERS)
