"""Any text gives a filter or a `FilterError`; a printed tree parses to itself; results equal a naive evaluator's."""

import datetime as dt
import fnmatch
import ipaddress
import re
from pathlib import PurePosixPath
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sidekick.event import Event, NumberLiteral, Priority
from sidekick.filter import FilterError, compile_filter
from sidekick.filter.parser import parse
from sidekick.filter.syntax import NO_VALUE, ONE_OR_LIST, ONE_VALUE, VALUE_LIST, And, Comparison, Not, Or, Value
from tests.fuzz import targets, words

# A single example may take long where the machine has other work; the time limit of the whole test stays.
relaxed = settings(deadline=None)


@relaxed
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(words.FILTER)).map(" ".join),
        st.lists(st.sampled_from(words.FILTER)).map("".join),
    )
)
@example("a glob [b-a]")
@example("a regex \\C")
@example("a regex '\ud800'")
def test_any_text_gives_a_filter_or_a_filter_error(text: str) -> None:
    targets.filter_(text, EVENT)


FIELDS = ["rule", "priority", "time", "source", "tags", "output", "hostname", "text", "number", "literal", "flag"]
FIELDS += ["null", "list", "object", "ip", "path", "absent"]
TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "Ab",
    "/a/b",
    "/a",
    "a*",
    "[ab]",
    "?",
    "12",
    "12.0",
    "0xC",
    "1.5",
    "true",
    "10.1.2.3",
    "and",
]
TEXTS += ["::1", "Error", "Debug", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00+01:00", 'x "y" \\', "<NA>", "a\nb"]

texts = st.sampled_from(TEXTS) | st.text(max_size=4)
values = texts.map(Value)
names = st.sampled_from(FIELDS) | st.text(min_size=1, max_size=4)


def comparisons(names: st.SearchStrategy[str], values: st.SearchStrategy[Value]) -> st.SearchStrategy[Comparison]:
    one = values.map(lambda value: (value,))
    many = st.lists(values, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Comparison, names, st.sampled_from(sorted(ONE_VALUE)), one),
        st.builds(Comparison, names, st.sampled_from(sorted(VALUE_LIST | ONE_OR_LIST)), many),
        st.builds(Comparison, names, st.sampled_from(sorted(NO_VALUE))),
    )


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda operands: And(tuple(operands))),
            st.lists(inner, min_size=2, max_size=3).map(lambda operands: Or(tuple(operands))),
        ),
        max_leaves=8,
    )


@relaxed
@given(trees(comparisons(names, values)))
def test_a_printed_tree_parses_to_itself(tree: Any) -> None:
    assert parse(str(tree)) == tree


numbers = st.integers(-20, 20) | st.sampled_from(["1.5", "12.0", "1e1", "1E+400"]).map(NumberLiteral)
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
events = st.builds(
    Event,
    uuid=st.just("u"),
    output=texts,
    priority=st.sampled_from(Priority),
    rule=texts,
    time=st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T12:00:00.5+02:00"]),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "text": texts,
            "number": numbers,
            "literal": numbers,
            "flag": st.booleans(),
            "null": st.none(),
            "list": st.lists(scalars, max_size=3),
            "object": st.just({"a": "b"}),
            "ip": st.sampled_from(["10.1.2.3", "::1", "::ffff:10.1.2.3", "10.1.2", "", "fe80::1%eth0"]),
            "path": st.sampled_from(["/", "/a", "/a/b", "/ab", "a/b", "", "//a//b/"]),
        },
    ),
    source=texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    hostname=texts,
)
EVENT = Event("u", "o", Priority.ERROR, "r", "2026-01-01T00:00:00Z", {"a": "b", "fd.rip": "10.1.2.3"}, "s", ("a",))
runnable = comparisons(st.sampled_from(FIELDS), st.sampled_from(TEXTS).map(Value))


@relaxed
@given(trees(runnable), events)
def test_results_equal_a_naive_evaluators(tree: Any, event: Event) -> None:
    try:
        condition = compile_filter(str(tree))
    except FilterError:
        return
    assert condition(event) is naive(tree, event)
    assert condition.explain(event).result is naive(tree, event)


def naive(tree: Any, event: Event) -> bool:
    match tree:
        case Not(operand):
            return not naive(operand, event)
        case And(operands):
            return all(naive(operand, event) for operand in operands)
        case Or(operands):
            return any(naive(operand, event) for operand in operands)
        case _:
            return naive_comparison(tree, event)


def naive_comparison(clause: Comparison, event: Event) -> bool:
    top_level = {"rule", "source", "output", "hostname", "time", "priority", "tags"}
    found = getattr(event, clause.field) if clause.field in top_level else event.fields.get(clause.field)
    if clause.field in ("output", "hostname") and found == "":
        found = None
    if clause.operator == "exists":
        return found not in (None, [], ())
    wanted = [value.text for value in clause.values]
    items = list(found) if isinstance(found, list | tuple) else [found]
    results = [naive_match(clause, item, wanted) for item in items if not isinstance(item, list | dict | None)]
    if clause.operator == "in":
        return bool(results) and all(results)
    if clause.operator == "!=":
        return bool(results) and not any(results)
    return any(results)


def naive_match(clause: Comparison, item: Any, wanted: list[str]) -> bool:
    equality = clause.operator in ("=", "!=", "in", "intersects")
    ordering = clause.operator[0] in "<>"
    if isinstance(item, Priority):
        if equality or ordering:
            return naive_order(clause.operator, item.level, [Priority.parse(text).level for text in wanted])
        item = item.value
    elif clause.field == "time" and (equality or ordering):
        return naive_order(clause.operator, *naive_times(item, wanted))
    if ordering:
        number, bound = naive_number(item), naive_number(wanted[0])
        return number is not None and naive_order(clause.operator, number, [bound])
    if equality and isinstance(item, int | NumberLiteral) and not isinstance(item, bool):
        return naive_number(item) in [naive_number(text) for text in wanted] or str(item) in wanted
    text = str(item).lower() if isinstance(item, bool) else str(item)
    return text in wanted if equality else naive_text(clause.operator, text, wanted, item)


def naive_times(item: str, wanted: list[str]) -> tuple[dt.datetime, list[dt.datetime]]:
    return dt.datetime.fromisoformat(item), [dt.datetime.fromisoformat(text) for text in wanted]


def naive_order(operator: str, left: Any, right: list[Any]) -> bool:
    match operator:
        case "<":
            return left < right[0]
        case "<=":
            return left <= right[0]
        case ">":
            return left > right[0]
        case ">=":
            return left >= right[0]
        case _:
            return left in right


def naive_number(item: Any) -> float | None:
    if isinstance(item, bool):
        return None
    text = str(item)
    if text.startswith("0x"):
        return int(text, 16)
    try:
        return float(text) if re.fullmatch(r"[-+0-9.eE]+", text) else None
    except ValueError:
        return None


def naive_text(operator: str, text: str, wanted: list[str], item: Any) -> bool:
    match operator:
        case "contains":
            return text.find(wanted[0]) >= 0
        case "icontains":
            return text.casefold().find(wanted[0].casefold()) >= 0
        case "startswith":
            return text[: len(wanted[0])] == wanted[0]
        case "endswith":
            return text[::-1][: len(wanted[0])] == wanted[0][::-1]
        case "glob":
            return fnmatch.fnmatchcase(text, wanted[0])
        case "regex":
            return re.fullmatch(wanted[0], text) is not None
        case "pmatch":
            return any(naive_prefix(text, prefix) for prefix in wanted)
        case _:
            return isinstance(item, str) and any(naive_inside(text, network) for network in wanted)


def naive_prefix(path: str, prefix: str) -> bool:
    if path.startswith("/") != prefix.startswith("/"):
        return False
    parts, heads = ([part for part in p.split("/") if part] for p in (path, prefix))
    matching = [fnmatch.fnmatchcase(str(PurePosixPath(p)), h) for p, h in zip(parts, heads, strict=False)]
    return len(heads) <= len(parts) and all(matching)


def naive_inside(text: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address in ipaddress.ip_network(network, strict=False)
