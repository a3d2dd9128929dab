"""Every recorded request of falcosidekick is matched by ours, or differs for a reason that is written down."""

import pytest

from tests.outputs.captures.recording import Recording, recordings
from tests.outputs.captures.verdict import Outcome, known, variants, verdicts

CASES = list(variants(recordings()))


@pytest.mark.parametrize(("recording", "variant"), CASES, ids=lambda value: getattr(value, "output", value))
async def test_requests_are_those_of_falcosidekick(recording: Recording, variant: str) -> None:
    found = await verdicts(recording, variant)
    assert found
    assert [(verdict.capture.input, verdict.paths) for verdict in found if verdict.outcome is Outcome.WRONG] == []


async def test_no_difference_is_listed_that_is_none() -> None:
    met = {id(reason) for case in CASES for verdict in await verdicts(*case) for reason in verdict.reasons}
    assert [entry.reason for entry in known() if id(entry) not in met] == []
