"""Every example of docs/templates.md does what the page says."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from sidekick.event import decode
from sidekick.sdk.template import GoEvent, TemplateError, compile_template

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)\n```", PAGE, re.DOTALL)
ALERT = next(text for kind, text in BLOCKS if kind == "json")
EVENT = msgspec.structs.replace(decode(ALERT.encode())[0], uuid=json.loads(ALERT)["uuid"])
DOTS = {"fields": EVENT.fields, "message": GoEvent(EVENT)}
EXAMPLES = [(kind, *text.split("\n---\n")) for kind, text in BLOCKS if kind != "json"]


@pytest.mark.parametrize(("kind", "template", "expected"), EXAMPLES)
def test_example(kind: str, template: str, expected: str) -> None:
    if kind == "error":
        with pytest.raises(TemplateError) as caught:
            compile_template(template)
        assert str(caught.value) == expected
    else:
        assert compile_template(template).render(DOTS[kind]) == expected


def test_the_page_names_every_function_and_method() -> None:
    from sidekick.sdk.template.functions import FUNCTIONS, SHORT_CIRCUITS
    from sidekick.sdk.template.time import GoTime

    assert len(EXAMPLES) >= 12
    names = [*FUNCTIONS, *SHORT_CIRCUITS, *GoTime.members, *GoEvent.members]
    undocumented = {name for name in names if not re.search(rf"\b{name}\b", PAGE)}
    assert undocumented <= {"Check", "DeepCopy"}  # Go gives a template every method; nobody has a use for these
