"""A rendering ends soon, with bounded text and memory, whatever the template and the data."""

from typing import Any

import pytest

from sidekick.sdk.template import TemplateError, TemplateExecutionError, compile_template

ENDLESS = [
    '{{define "T"}}{{template "T"}}{{end}}{{template "T"}}',
    '{{define "T"}}x{{template "T"}}{{template "T"}}{{end}}{{template "T"}}',
    "{{range 1000000000}}{{end}}",
    "{{range 1000000000}}x{{end}}",
    "{{range 1000}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}",
    '{{$x := "ab"}}{{range 100}}{{$x = print $x $x}}{{end}}',
    '{{$x := "ab"}}{{range 100}}{{$x = printf "%s%s%s%s" $x $x $x $x}}{{end}}',
    '{{$x := "\\\\"}}{{range 100}}{{$x = js $x}}{{end}}',
    '{{$x := "<"}}{{range 100000}}{{$x = html $x}}{{end}}',
    '{{range 100000}}{{printf "%1000d" 1}}{{end}}',
    "{{range 100000}}{{print $}}{{end}}",
    "{{range 100000}}{{range $.a}}{{break}}{{end}}{{end}}",
    "{{range 100000}}" + "x" * 1000 + "{{end}}",
]  # fmt: skip


@pytest.mark.parametrize("text", ENDLESS)
def test_an_endless_template_is_stopped(text: str) -> None:
    template = compile_template(text)
    with pytest.raises(TemplateExecutionError) as caught:
        template.render({"a": ["b"] * 1000})
    assert len(caught.value.partial) <= 1 << 20


def test_a_great_width_is_refused() -> None:
    assert compile_template('{{printf "%100000d|%.100000f" 1 1.5}}').render(None) == "%!(BADWIDTH)1|%!(BADPREC)1.500000"


def nested(depth: int) -> Any:
    value: Any = "end"
    for _ in range(depth):
        value = [{"a": value}]
    return value


def test_data_of_any_depth() -> None:
    template = compile_template('before {{printf "%v" .a}}')
    assert template.render({"a": nested(50)}).endswith("]]]")
    with pytest.raises(TemplateExecutionError, match="nested too deeply") as caught:
        template.render({"a": nested(5000)})
    assert caught.value.partial == "before "


@pytest.mark.parametrize(
    "text",
    ["{{" + "(" * 5000 + "1" + ")" * 5000 + "}}", "{{if 1}}" * 5000 + "{{end}}" * 5000, "{{with 1}}" * 5000],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="nested deeper than 50 levels"):
        compile_template(text)


def test_the_deepest_nesting_renders() -> None:
    assert compile_template("{{if 1}}" * 50 + "x" + "{{end}}" * 50).render(None) == "x"
    assert compile_template("{{" + "(" * 49 + "1" + ")" * 49 + "}}").render(None) == "1"
    chain = "{{if eq . 1}}1" + "".join(f"{{{{else if eq . {n}}}}}{n}" for n in range(2, 500)) + "{{end}}"
    assert compile_template(chain).render(499) == "499"
