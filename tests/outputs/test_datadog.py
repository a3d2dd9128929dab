"""Events of Datadog's stream."""

import json

from outputs.datadog import Datadog, DatadogSettings
from sidekick.sdk import Context
from tests.outputs.alerts import alert


def test_a_text_above_datadogs_limit_says_how_long_it_was() -> None:
    event = alert(output="x" * 10_000)
    text = json.loads(Datadog(DatadogSettings(), Context()).encode([event]).body)["text"]
    assert len(text) == 4000
    assert text.endswith("(10,000 characters)")
