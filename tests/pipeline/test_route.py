"""What an output asks of an alert, and the words for it."""

import pytest

from sidekick.event import Event, decode
from sidekick.pipeline import Route
from sidekick.sdk import OutputSettings


def route(**settings: str) -> Route:
    return Route(OutputSettings.model_validate(settings))


def warning() -> Event:
    return decode(b'{"rule":"R","priority":"Warning","time":"2026-05-06T07:08:09Z","output_fields":{"n":1}}')[0]


@pytest.mark.parametrize(
    ("settings", "passes", "reasons"),
    [
        ({}, True, []),
        ({"minimumpriority": "warning"}, True, ["priority Warning reaches Warning"]),
        ({"minimumpriority": "error"}, False, ["priority Warning is below Error"]),
        ({"filter": "n = 1"}, True, ["meets its filter"]),
        ({"filter": "n = 2"}, False, ["fails its filter"]),
        (
            {"minimumpriority": "error", "filter": "n = 1"},
            False,
            ["priority Warning is below Error", "meets its filter"],
        ),
    ],
)
def test_an_explanation_agrees_with_the_decision(settings: dict[str, str], passes: bool, reasons: list[str]) -> None:
    found = route(**settings).explain(warning())
    assert [reason.text for reason in found] == reasons
    assert all(reason.met for reason in found) == route(**settings)(warning()) == passes


def test_the_test_rule_passes_every_minimum_priority_but_not_the_filter() -> None:
    assert route(minimumpriority="emergency")(Event.test())
    assert not route(minimumpriority="emergency", filter="rule = R")(Event.test())
    (reason,) = route(minimumpriority="emergency").explain(Event.test())
    assert (reason.met, reason.text) == (True, "the test rule passes every minimum priority")
