"""Every template renders as Go rendered it: the same text, the same kind of error, the same text before an error."""

import json
from typing import Any

import msgspec
import pytest

from sidekick.event import NumberLiteral, decode
from sidekick.sdk.template import GoEvent, TemplateError, TemplateExecutionError, compile_template
from tests.template.fixtures import DOTS, FIXTURES, cases

GO = json.loads(FIXTURES.read_text())


def _dot(name: str, data: Any) -> Any:
    if not name.startswith("event"):
        return data
    (event,) = decode(json.dumps(data).encode())
    return GoEvent(msgspec.structs.replace(event, uuid=data["uuid"]))


DATA = {name: _dot(name, data) for name, data in json.loads(DOTS, parse_float=NumberLiteral).items()}


def rendered(template: str, dot: Any) -> tuple[str, str]:
    """Text and kind of error, as the fixtures have them."""
    try:
        return compile_template(template).render(dot), ""
    except TemplateError:
        return "", "parse"
    except TemplateExecutionError as error:
        return error.partial, "execution"


@pytest.mark.parametrize("case", GO, ids=lambda case: case["template"][:60])
def test_renders_as_go(case: dict[str, str]) -> None:
    assert rendered(case["template"], DATA[case["dot"]]) == (case["output"], case["error"])


def test_fixtures_are_of_these_cases() -> None:
    assert [{"dot": case["dot"], "template": case["template"]} for case in GO] == cases()


# Go stops with an error, or prints `%!d(json.Number=12)`, because a number of an alert is a text to it.
LENIENT = [
    ("{{eq .n 12}} {{eq 12 .n}} {{ne .n 12}} {{eq .n 13}} {{eq .f 1.5}}", "true true false false true"),
    ("{{gt .n 2}} {{lt .n 2}} {{ge 12 .n}} {{le .n 11.5}} {{eq .exp 1000}}", "true false true false true"),
    ("{{lt .big 1685022245478445996}} {{lt .big 1685022245478445995}}", "true false"),
    ('{{printf "%d %05d %.1f %e %c" .n .n .n .f .n}}', "12 00012 12.0 1.500000e+00 \x0c"),
]


@pytest.mark.parametrize(("template", "expected"), LENIENT)
def test_numbers_of_the_alert_compare_and_print_as_numbers(template: str, expected: str) -> None:
    assert compile_template(template).render(DATA["fields"]) == expected
