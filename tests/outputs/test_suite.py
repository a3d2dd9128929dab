"""The conformance suite itself: it passes a good output of a third party, and names the rule that a bad one breaks."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from outputs.webhook import Webhook
from sidekick.sdk import (
    Answer,
    BatchLimits,
    Event,
    HttpOutput,
    HttpSettings,
    Output,
    OutputSettings,
    PermanentError,
    Request,
    RetryableError,
    Secret,
    Text,
    verdict,
)
from sidekick.sdk.settings import NO_SECRET
from sidekick.sdk.testing import Receiver, check_output


class TokenSettings(HttpSettings):
    """Keys of a third party's output."""

    address: Text = ""
    """Where to."""
    token: Secret = NO_SECRET
    """Who we are."""


class Good(HttpOutput[TokenSettings]):
    Settings = TokenSettings
    title = "Third party"
    category = "web"
    requires = ("address",)
    example: ClassVar[Mapping[str, Any]] = {"address": "https://third.example.com/alerts"}
    limits = BatchLimits(count=7)

    def encode(self, events: Sequence[Event]) -> Request:
        token = self.settings.token.get_secret_value()
        return Request(self.settings.address, b"\n".join(event.json for event in events), {"Authorization": token})


async def test_good_outputs_pass() -> None:
    await check_output(Good)
    await check_output(Webhook)


class WithoutExample(Good):
    example: ClassVar[Mapping[str, Any]] = {}


class Forgetful(Good):
    """Takes every answer for a success."""

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        return


class Fatalist(Good):
    """Gives up at the first overload."""

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        if answer.status >= 300:
            raise PermanentError(f"HTTP {answer.status}")


class Stubborn(Good):
    """Sends poison for ever."""

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        if answer.status >= 300:
            raise RetryableError(f"HTTP {answer.status}")


class Trusting(Good):
    """Believes in the shape of an answer."""

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        assert answer.body[0] == ord("{")


class Impure(Good):
    count = itertools.count()

    def encode(self, events: Sequence[Event]) -> Request:
        return Request(self.settings.address, b"%d" % next(self.count))


class Telltale(Good):
    """Shows the token to everybody who reads the log."""

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        if answer.status == 503:
            raise RetryableError(f"not with {self.settings.token.get_secret_value()}")
        verdict(answer)


class Careless(Good):
    """Loses all but the first alert of a batch."""

    async def send(self, events: Sequence[Event]) -> None:
        await super().send(events[:1])


class Bare(TokenSettings):
    more: Text = ""


class Undocumented(Good):
    Settings = Bare


@pytest.mark.parametrize(
    ("output", "rule"),
    [
        (WithoutExample, "its example turns it on"),
        (Undocumented, "Every setting has a docstring"),
        (Forgetful, "raise RetryableError"),
        (Fatalist, "raise RetryableError"),
        (Stubborn, "400 raises PermanentError"),
        (Trusting, "no JSON"),
        (Impure, "the same request"),
        (Telltale, "holds a secret"),
        (Careless, "Every alert arrives"),
    ],
)
async def test_a_bad_output_is_told_its_rule(output: type[Output[TokenSettings]], rule: str) -> None:
    with pytest.raises(AssertionError, match=rule):
        await check_output(output)


class Hole(Output[OutputSettings]):
    """Takes everything, keeps nothing."""

    Settings = OutputSettings
    title = "Hole"
    category = "other"

    async def send(self, events: Sequence[Event]) -> None:
        return


async def test_an_output_of_another_kind_is_believed_by_what_arrived() -> None:
    async def arrived(event: Event) -> bool:
        return False

    with pytest.raises(AssertionError, match="did not arrive"):
        await check_output(Hole, Receiver({}, arrived))
