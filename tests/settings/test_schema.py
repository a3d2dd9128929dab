"""What a section may hold beyond what today's sections do: lists of sections, words of Python, a provider's keys."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import Field

from sidekick.sdk import NO_SECRET, Duration, Event, Flag, Output, OutputSettings, Secret, Settings, Text
from sidekick.sdk.provider import AwsSettings
from sidekick.settings import Configuration, ConfigurationError, load
from sidekick.settings.catalog import OutputType
from sidekick.settings.schema import Schema
from sidekick.settings.top import TopSettings


class Silence(Settings):
    reason: Text = ""
    until: Duration = 0.0


class QueueSettings(AwsSettings, OutputSettings):
    url: Text = ""
    sender: Text = Field("", alias="from")
    asynchronous: Flag = Field(False, alias="async")
    token: Secret = NO_SECRET
    silences: tuple[Silence, ...] = ()
    tokens: dict[str, Silence] = {}  # noqa: RUF012 (pydantic copies it)


class Queue(Output[QueueSettings]):
    Settings = QueueSettings
    title = "Queue"
    category = "queue"
    requires = ("url", "from")

    async def send(self, events: Sequence[Event]) -> None:
        """Takes all."""


def configured(path: Path, text: str, environ: dict[str, str] | None = None) -> Configuration:
    kind = OutputType("aws.queue", Queue)
    known = Schema({"": TopSettings, "aws": AwsSettings, "aws.queue": QueueSettings}, {"aws.queue": kind})
    file = path / "config.yaml"
    file.write_text(text)
    return load(file, environ or {}, known)


def queue(found: Configuration, name: str = "aws.queue") -> QueueSettings:
    settings = found.outputs[name].settings
    assert isinstance(settings, QueueSettings)
    return settings


def problems(path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        configured(path, text, environ)
    return [str(problem).removeprefix(f"{path}/config.yaml:") for problem in caught.value.problems]


def test_a_key_may_hold_a_list_or_a_map_of_sections(tmp_path: Path) -> None:
    text = "silences: [&one {reason: 12, until: 5s}, {<<: *one, reason: x, until: 0}], tokens: {A.b: {reason: y}}"
    settings = queue(configured(tmp_path, f"aws.queue: {{url: x, from: y, {text}}}"))
    assert settings.silences == (Silence(reason="12", until=5.0), Silence(reason="x"))
    assert settings.tokens == {"A.b": Silence(reason="y")}


@pytest.mark.parametrize("written", ['[{"reason": "x"}]', "[{reason: x}]", "- reason: x"])
def test_sections_in_a_variable_are_yaml_or_json(tmp_path: Path, written: str) -> None:
    found = configured(tmp_path, "aws.queue: {url: x, from: y}", {"AWS_QUEUE_SILENCES": written})
    assert queue(found).silences == (Silence(reason="x"),)


def test_a_problem_inside_a_list_has_its_own_place(tmp_path: Path) -> None:
    text = "aws.queue.silences:\n  - reason: x\n  - reasn: x\n    until: soon\n"
    assert problems(tmp_path, text) == [
        "3:12: aws.queue.silences.1.reasn: unknown key",
        "4:12: aws.queue.silences.1.until: 'soon' is no duration: "
        "write a number with its unit, such as 30s, 500ms or 1h30m",
    ]
    [problem] = problems(tmp_path, "", {"AWS_QUEUE_SILENCES": "{"})
    assert problem == "environment variable AWS_QUEUE_SILENCES: aws.queue.silences: is no YAML"


def test_a_word_of_python_is_a_key_like_any_other(tmp_path: Path) -> None:
    found = configured(tmp_path, "aws.queue: {url: x, from: me, async: true}", {"AWS_QUEUE_FROM": "you"})
    assert (queue(found).sender, queue(found).asynchronous) == ("you", True)
    assert configured(tmp_path, "aws.queue: {url: x}").off["aws.queue"].missing == ("from",)


def test_what_a_provider_is_given_reaches_its_outputs(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cr3t\n")
    found = configured(
        tmp_path,
        f"aws: {{region: a, rolearn: r, secretaccesskey: 'file:{tmp_path}/secret', queue: {{url: x, from: y}}}}\n"
        "aws.queue.two: {url: x, from: y, region: b}",
        {"AWS_REGION": "c"},
    )
    one, two = queue(found), queue(found, "aws.queue.two")
    assert (one.region, two.region) == ("c", "b")
    assert (one.rolearn, two.rolearn) == ("r", "r")
    assert one.secretaccesskey.get_secret_value() == "s3cr3t"


def test_a_provider_alone_turns_no_output_on_or_off(tmp_path: Path) -> None:
    found = configured(tmp_path, "aws: {region: a}")
    assert (found.outputs, found.off) == ({}, {})
