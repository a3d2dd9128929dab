"""The generated files are those that the settings models give, and the example means the defaults."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sidekick.settings import Configuration, load
from sidekick.settings.catalog import OutputType
from sidekick.settings.example import least_example
from sidekick.settings.reference import generated
from sidekick.settings.schema import schema
from tests.settings.conftest import Load, Refuse

ROOT = Path(__file__).parents[2]
TEXTS = generated()


def test_no_generated_file_is_stale() -> None:
    stale = [name for name, text in TEXTS.items() if not (ROOT / name).is_file() or (ROOT / name).read_text() != text]
    assert stale == [], "run `make docs`"


def test_no_page_is_left_of_an_output_that_is_gone() -> None:
    pages = {str(page.relative_to(ROOT)) for page in (ROOT / "docs/reference/outputs").glob("*.md")}
    assert pages <= set(TEXTS)


def test_the_example_as_it_is_means_the_defaults(configure: Load) -> None:
    _assert_defaults(configure(TEXTS["config/example.yaml"]))


def test_the_example_without_its_comment_signs_means_the_defaults_too(configure: Load) -> None:
    _, whole, common, *outputs = TEXTS["config/example.yaml"].split("\n\n")
    configuration = configure("\n".join(_uncommented(part) for part in (whole, *outputs)))
    _assert_defaults(configuration)
    assert "webhook" in configuration.off
    assert configure("webhook:\n" + "\n".join(f"  {line}" for line in _uncommented(common).splitlines()))


def _assert_defaults(configuration: Configuration) -> None:
    defaults = load(None, {})
    for name in type(configuration).model_fields.keys() - {"off", "warnings", "files"}:
        assert getattr(configuration, name) == getattr(defaults, name)


def _uncommented(part: str) -> str:
    return "\n".join(line.removeprefix("#") for line in part.splitlines() if not line.startswith("# "))


@pytest.mark.parametrize("kind", schema().types.values(), ids=lambda kind: kind.name)
def test_the_least_example_of_an_output_turns_it_on(configure: Load, kind: OutputType) -> None:
    assert kind.name in configure(least_example(kind)).outputs


@pytest.mark.parametrize("kind", schema().types.values(), ids=lambda kind: kind.name)
def test_the_page_of_an_output_says_what_it_is_and_what_arrives(kind: OutputType) -> None:
    page = TEXTS[f"docs/reference/outputs/{kind.name}.md"]
    for part in ("```yaml\n", "## What arrives there\n", "## Keys\n", *kind.remarks()):
        assert part in page or (part == "```yaml\n" and not kind.requires)
    assert f"[{kind.name}](outputs/{kind.name}.md)" in TEXTS["docs/reference/outputs.md"]


def test_a_page_shows_the_alert_as_it_is_sent() -> None:
    shown = TEXTS["docs/reference/outputs/webhook.md"].split("as it is sent:\n\n```\n")[1].split("```")[0]
    head, _, body = shown.partition("\n\n")
    assert head == "POST https://alerts.example.com/falco"
    assert json.loads(body)["rule"] == "Terminal shell in container"


def test_the_table_of_outputs_says_how_each_takes_alerts() -> None:
    rows = [line.split(" | ") for line in TEXTS["docs/reference/outputs.md"].splitlines() if line.startswith("| ")]
    found = {row[1].partition("]")[0].lstrip("["): [row[0].lstrip("| "), *row[2:]] for row in rows}
    assert found["loki"] == ["logs", "1000, 1MiB", "once", "`user`, `apikey` |"]
    assert found["slack"] == ["chat", "1", "twice", "`webhookurl` |"]
    assert found["prometheus"] == ["metrics", "1000, 1MiB", "-", " |"]


def test_every_key_is_documented() -> None:
    known = schema()
    assert [key.name for key in known.keys.values() if not key.meaning.endswith(".")] == []


def test_the_json_schema_knows_the_keys_and_no_others() -> None:
    root = json.loads(TEXTS["config/schema.json"])
    known = schema()
    assert set(_leaves(root, "")) == set(known.keys)
    assert any("webhook" in pattern for pattern in root["patternProperties"])


SCHEMA = Draft202012Validator(json.loads(TEXTS["config/schema.json"]))
SECTION = "webhook: {address: http://x, %s}"


@pytest.mark.parametrize(
    "text",
    [
        "otlp: {logs: {endpoint: http://x, timeout: 10000}, traces: {endpoint: http://x, duration: 1000}}",
        "otlp.metrics: {endpoint: http://x, timeout: 10s}",
        "aws.s3: {bucket: x}\naws.s3.two: {bucket: y}\nslack.ops: {webhookurl: http://x}\nslack:",
        "grace: 0\nlog: {format: , level: debug}\ncustomfields:\ncustomtags: [1, a, true]\njournal: {fsync: }",
        SECTION % "timeout: 500ms, checkcert: , minimumpriority: WARNING, filter: , batch: {bytes: 1MB, linger: 1m30s}",
        SECTION % "throttle: {rate: 10/m, burst: 5}, group: {window: 0}, customheaders: {a: 1, b: }",
    ],
)
def test_what_loads_is_right_by_the_json_schema(configure: Load, text: str) -> None:
    assert configure(text)
    assert [error.message for error in SCHEMA.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("wrong", ["timeout: 30", "throttle: {rate: 5}", "minimumpriority: loud", "adress: x"])
def test_what_does_not_load_is_wrong_by_the_json_schema_too(refuse: Refuse, wrong: str) -> None:
    assert refuse(SECTION % wrong)
    assert not SCHEMA.is_valid(yaml.safe_load(SECTION % wrong))


def test_the_example_is_right_by_the_json_schema() -> None:
    _, whole, _, *outputs = TEXTS["config/example.yaml"].split("\n\n")
    example = yaml.safe_load("\n".join(_uncommented(part) for part in (whole, *outputs)))
    assert [error.message for error in SCHEMA.iter_errors(example)] == []


def _leaves(node: dict[str, Any], prefix: str) -> list[str]:
    if "properties" not in node:
        return [prefix]
    return [
        leaf for name, inner in node["properties"].items() for leaf in _leaves(inner, f"{prefix}.{name}".lstrip("."))
    ]
