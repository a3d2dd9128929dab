"""Addresses, filters and snippets that the pages make, for any text that an alert may hold."""

import shlex
from urllib.parse import parse_qsl, urlsplit

import yaml
from hypothesis import given
from hypothesis import strategies as st

from sidekick.filter import compile_filter
from sidekick.store import Histogram
from sidekick.store.counts import Bar
from sidekick.web.chart import chart
from sidekick.web.page import cut, duration, moment
from sidekick.web.search import View, equals
from sidekick.web.snippet import curl, exception
from tests.web.alerts import alert

TOP = {"rule", "priority", "source", "time", "tags", "hostname", "output"}  # filters read these of the alert itself
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@given(text.filter(lambda name: name not in TOP), text)
def test_a_field_s_filter_finds_what_has_that_value(name: str, value: str) -> None:
    condition = compile_filter(equals(name, value))
    assert condition(alert(0, output_fields={name: value}))
    assert not condition(alert(0, output_fields={name: value + "x"}))


def test_a_field_of_any_usual_name_can_be_found() -> None:
    for name in ("proc.name", "proc.aname[2]", "ka.req.pod.containers.image", "a name", "jevt.value[/x/y]"):
        assert equals(name, "x"), name


@given(st.fixed_dictionaries({}, optional={"q": text, "rule": text, "host": text, "from": text, "to": text}))
def test_an_address_and_its_view_say_the_same(query: dict[str, str]) -> None:
    view = View.of(query)
    again = View.of(dict(parse_qsl(urlsplit(view.link()).query)))
    assert (again.words, again.facets, again.since, again.until) == (view.words, view.facets, view.since, view.until)


def test_facets_and_filter_are_asked_together() -> None:
    view = View.of({"filter": "proc.name = bash or proc.name = sh", "namespace": "shop", "priority": "Warning"})
    condition = view.condition()
    assert condition
    assert condition(alert(0))
    assert not condition(alert(0, priority="Error"))
    assert not condition(alert(0, output_fields={"proc.name": "bash", "k8s.ns.name": "other"}))


def test_what_makes_no_sense_in_an_address_is_left_out() -> None:
    view = View.of({"since": "never", "from": "9", "to": "5", "before": "²", "priority": "Bad", "rule": ""})
    assert view == View()


@given(text)
def test_a_shell_gets_the_address_as_one_word(address: str) -> None:
    assert shlex.split(curl(address)) == ["curl", "-s", address]


@given(text, text)
def test_an_exception_is_yaml_that_names_the_alert_s_own_values(rule: str, process: str) -> None:
    written = exception(alert(0, rule=rule, output_fields={"proc.name": process, "container.image.repository": None}))
    if process == "<NA>":
        assert written == ""
        return
    (entry,) = yaml.safe_load(written)
    assert entry["rule"] == rule.encode("utf-8", "replace").decode()
    assert entry["exceptions"][0]["fields"] == ["proc.name"]
    assert entry["exceptions"][0]["values"] == [[process]]
    assert entry["override"] == {"exceptions": "append"}


def test_a_chart_may_begin_before_the_first_year() -> None:
    drawn = chart(Histogram(-63_000_000_000, 0, 31_500_000_000, [Bar(-63_000_000_000, "Error", 1)]))
    assert drawn.summary.endswith("1-01-01 00:00 UTC.")


def test_long_texts_are_cut_and_times_short() -> None:
    assert cut("A" * 100_000) == cut("A" * 301) == "A" * 300 + "…"
    assert cut("A" * 300) == "A" * 300
    assert [duration(seconds) for seconds in (5, 90, 7200, 200_000)] == ["5 s", "1.5 min", "2 h", "2.31 d"]
    assert ">2026-11-24 10:20:05<" in moment("2026-11-24T12:20:05+02:00")
    assert [duration(seconds) for seconds in (59, 60, 3600, 86_400)] == ["59 s", "1 min", "1 h", "1 d"]
