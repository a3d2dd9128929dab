"""Each mistake is refused at its character (marked here by a caret before it), with the right name suggested."""

import pytest

from sidekick.filter import FilterError, compile_filter

MISTAKES = [
    ("^", "the filter is empty"),
    ("  \n ^", "the filter is empty"),
    ("priority >= ^Warnin", "did you mean 'Warning'?"),
    ("priority in (Error, ^Critcal)", "did you mean 'Critical'?"),
    ("priority = ^5", "priorities are Emergency, Alert"),
    ("prority >= ^Warning", "did you mean 'priority'?"),
    ("proc.pid > ^many", "compares numbers"),
    ("time > ^yesterday", "is not a time such as"),
    ("a = b ^AND c = d", "did you mean 'and'?"),
    ("a = b ^&& c = d", "did you mean 'and'?"),
    ("a = b ^|| c = d", "did you mean 'or'?"),
    ("a = b ^c = d", "expected 'and' or 'or'"),
    ("rule ^matches shell", "did you mean 'regex'?"),
    ("rule ^=~ shell", "did you mean 'regex'?"),
    ("rule ^<> shell", "did you mean '!='?"),
    ("rule ^startwith shell", "did you mean 'startswith'?"),
    ("rule ^contain shell", "did you mean 'contains'?"),
    ("rule ^iglob x", "did you mean 'glob'?"),
    ("fd.rip ^cidr 10.0.0.0/8", "did you mean 'net'?"),
    ("k8s.ns.name in ^kube-system", "takes a list in parentheses"),
    ("tolower^(proc.name) = bash", "functions such as tolower() are not available"),
    ("container^", "expected an operator after 'container'"),
    ("container ^and proc.name = x", "expected an operator after 'container'"),
    ("proc.aname^[2 = x", "unknown operator"),
    ("rule = ^", "expected a value, found the end"),
    ("rule = ^and", "quote it if the text is meant"),
    ("rule ==^= x", "expected a value, found '='"),
    ("rule = a^=b", "expected 'and' or 'or'"),
    ("^and rule = x", "found the keyword 'and'"),
    ("^= x", "expected a field, found '='"),
    ("not ^", "expected a field, found the end"),
    ("(rule = x^", "expected ')'"),
    ("rule = x^)", "expected 'and' or 'or', found ')'"),
    ("rule in (a ^b)", "expected ',' or ')'"),
    ("rule in (a,^)", "expected a value, found ')'"),
    ("rule in (a^", "expected ',' or ')' in the list, found the end"),
    ('rule = ^"x', "this quote is never closed"),
    (r"rule = 'ab^\d'", r"write '\\d' for a backslash"),
    ("rule regex ^'('", "not a regular expression (RE2)"),
    ("fd.rip net ^10.0.0/8", "not an IP network"),
    ("fd.rip net (10.0.0.0/8, ^home)", "'home' is not an IP network"),
]


@pytest.mark.parametrize(("marked", "message"), MISTAKES)
def test_points_at_the_character(marked: str, message: str) -> None:
    text = marked.replace("^", "", 1)
    with pytest.raises(FilterError) as caught:
        compile_filter(text)
    assert caught.value.position == marked.index("^")
    assert message in str(caught.value)


def test_shows_the_line_with_a_caret() -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter("rule = x\n  and\tpriority >= Warnin\n  and source = y")
    assert str(caught.value).splitlines() == [
        "unknown priority 'Warnin'; did you mean 'Warning'? (at character 28)",
        "    and priority >= Warnin",
        "                    ^",
    ]


@pytest.mark.parametrize("text", ["(" * 500 + "a = b", "not " * 500 + "a = b", "(" * 101 + "a = b" + ")" * 101])
def test_refuses_deep_nesting(text: str) -> None:
    with pytest.raises(FilterError, match="nested deeper than 100 levels"):
        compile_filter(text)


def test_takes_the_deepest_nesting_and_a_long_chain() -> None:
    assert compile_filter("(" * 99 + "a = b" + ")" * 99)
    assert compile_filter(" or ".join(["a = b"] * 5000))
