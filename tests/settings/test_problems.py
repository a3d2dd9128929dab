"""What cannot be used is said at once, all of it, with its place and what was probably meant; never by a traceback."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidekick.settings import ConfigurationError, load
from sidekick.settings.schema import schema
from tests.settings.conftest import Refuse

# What is written, the key that is refused, and the one that was meant.
WRONG_KEYS = [
    ("slack: {webhokurl: x}", "slack.webhokurl", "slack.webhookurl"),
    ("slack: {webhook_url: x}", "slack.webhook_url", "slack.webhookurl"),
    ("slack: {webhook: x}", "slack.webhook", "slack.webhookurl"),
    ("slack: {minimumPriorty: error}", "slack.minimumpriorty", "slack.minimumpriority"),
    ("slak: {webhookurl: x}", "slak", "slack"),
    ("elasticserch: {hostport: x}", "elasticserch", "elasticsearch"),
    ("elasticsearch: {host: x}", "elasticsearch.host", "elasticsearch.hostport"),
    ("elasticsearch: {user: x}", "elasticsearch.user", "elasticsearch.username"),
    ("elasticsearch: {batchsize: 1}", "elasticsearch.batchsize", "elasticsearch.batching.batchsize"),
    (
        "elasticsearch: {batching: {flushintervall: 1s}}",
        "elasticsearch.batching.flushintervall",
        "elasticsearch.batching.flushinterval",
    ),
    ("elasticsearch: {batchng: {enabled: true}}", "elasticsearch.batchng", "elasticsearch.batching"),
    ("listen_port: 1", "listen_port", "listenport"),
    ("port: 1", "port", "listenport"),
    ("slack: {listenport: 1}", "slack.listenport", "listenport"),
    ("slack: {customfields: {}}", "slack.customfields", "customfields"),
    ("deploy: true", "deploy", "tlsserver.deploy"),
    ("notlsport: 1", "notlsport", "tlsserver.notlsport"),
    ("segment: 1MB", "segment", "journal.segment"),
    ("retention: {age: 1d}", "retention", "journal.retention"),
    ("journal: {age: 1d}", "journal.age", "journal.retention.age"),
    ("awss3: {bucket: x}", "awss3", "aws.s3"),
    ("aws_s3: {bucket: x}", "aws_s3", "aws.s3"),
    ("eventhub: {name: x}", "eventhub", "azure.eventhub"),
    ("aws: {sss3: {bucket: x}}", "aws.sss3", "aws.s3"),
    ("aws: {s3: {regoin: x}}", "aws.s3.regoin", "aws.s3.region"),
    ("slack:\nwebhookurl: x", "webhookurl", "slack.webhookurl"),
    ("webhook.ops: {adress: x}", "webhook.ops.adress", "webhook.ops.address"),
    ("slack.webhokurl: x", "slack.webhokurl", "slack.webhookurl"),
    ("alertmanager: {expireafter: 1}", "alertmanager.expireafter", "alertmanager.expiresafter"),
    ("dogstastd: {forwarder: x}", "dogstastd", "dogstatsd"),
    ("smtp: {fron: x}", "smtp.fron", "smtp.from"),
    ("kafka: {requiredack: ALL}", "kafka.requiredack", "kafka.requiredacks"),
]


@pytest.mark.parametrize(("text", "key", "meant"), WRONG_KEYS)
def test_a_key_that_does_not_exist_names_the_one_that_was_meant(
    refuse: Refuse, text: str, key: str, meant: str
) -> None:
    [problem] = refuse(text)
    assert (problem.key, problem.message, problem.suggestions) == (key, "unknown key", (meant,))
    assert problem.place.line > 0
    assert str(problem).endswith(
        f"config.yaml:{problem.place.line}:{problem.place.column}: {key}: unknown key; did you mean {meant}?"
    )


def test_a_key_like_no_other_gets_no_suggestion(refuse: Refuse) -> None:
    [problem] = refuse("qwertz: 1")
    assert problem.suggestions == ()


# What is written, then line, column, key and message of the one problem in it.
WRONG_VALUES = [
    ("listenport: many", 1, 13, "listenport", "is no whole number"),
    ("listenport: 70000", 1, 13, "listenport", "less than or equal to 65535"),
    ("listenport: true", 1, 13, "listenport", "is no whole number"),
    ("listenport: [1]", 1, 1, "listenport", "takes one value, not a list"),
    ("listenport: {a: 1}", 1, 1, "listenport", "takes one value, not keys below it"),
    ("listenaddress: localhost", 1, 16, "listenaddress", "IPv4 or IPv6 address"),
    ("api: {url: sidekick.example.com}", 1, 12, "api.url", "is no URL: write http:// or https:// and the host"),
    ("debug: yes", 1, 8, "debug", "'yes' is no boolean"),
    ("debug: on", 1, 8, "debug", "'on' is no boolean"),
    ("journal: 5", 1, 1, "journal", "is a section"),
    ("journal: {fsync: sometimes}", 1, 18, "journal.fsync", "'everysec', 'always' or 'no'"),
    ("grace: 5", 1, 8, "grace", "no duration"),
    ("grace: 1.5", 1, 8, "grace", "no duration"),
    ("receiver: {bodylimit: 5 apples}", 1, 23, "receiver.bodylimit", "no size"),
    ("webhook:\n  address: x\n  minimumpriority: errors\n", 3, 20, "webhook.minimumpriority", "no priority"),
    ("webhook:\n  address: x\n  filter: priority >\n", 3, 11, "webhook.filter", "at character"),
    ("webhook:\n  address: x\n  method: GET\n", 3, 11, "webhook.method", "'POST'"),
    ("webhook:\n  customheaders:\n    A: [1]\n", 3, 8, "webhook.customheaders.A", "takes one text"),
    ("webhook:\n  customheaders: [1]\n", 2, 18, "webhook.customheaders", "takes keys with values (`key: value`)"),
    ("customtags: [a, {b: c}]", 1, 17, "customtags.1", "takes one text"),
    ("customtags: {a: b}", 1, 13, "customtags", "takes a list"),
    ("customfields: [a, b]", 1, 15, "customfields", "takes keys with values (`key: value`)"),
    ("api: {users: {kim: 5}}", 1, 20, "api.users.kim", "takes keys with values (`key: value`)"),
    ("silences: {filter: x}", 1, 11, "silences", "takes a list"),
    ("silences: [{until: 2026-01-01}]", 1, 12, "silences.0.filter", "is needed"),
    ("slack: {batch: {count: 1.5}}", 1, 24, "slack.batch.count", "is no whole number"),
    ("customfields: {a: '%NOWHERE'}", 1, 15, "customfields", "the environment variable NOWHERE is not set"),
    ("templatedfields:\n  a: '{{ .b'\n", 2, 6, "templatedfields.a", "at character"),
    ("debug: true\ndebug: true", 2, 1, "debug", "is written twice, first at line 1"),
    ("slack:\n  channel: a\n  Channel: b\n", 3, 3, "slack.channel", "is written twice, first at line 2"),
    ("slack: {channel: a}\nslack: {channel: b}", 2, 1, "slack", "is written twice, first at line 1"),
    ("slack: {channel: a}\nslack.channel: b", 2, 1, "slack.channel", "is written twice, first at line 1"),
    ("customfields:\n  a: 1\n  a: 2\n", 3, 3, "customfields.a", "is written twice"),
    ("? [a]\n: b", 1, 3, "", "a key is one word"),
    ("<<: {? [a] : b}", 1, 8, "", "a key is one word"),
    ('"a\\nb\\e": 1', 1, 1, "a\nb\x1b", "unknown key"),
    ("webhook.a: {address: x}\nwebhook.a.b: {address: x}", 2, 1, "webhook.a.b", "unknown key"),
]


@pytest.mark.parametrize(("text", "line", "column", "key", "message"), WRONG_VALUES)
def test_a_wrong_value_is_shown_where_it_stands(
    refuse: Refuse, text: str, line: int, column: int, key: str, message: str
) -> None:
    [problem] = refuse(text)
    assert (problem.place.line, problem.place.column, problem.key) == (line, column, key)
    assert message in problem.message
    assert "\n" not in str(problem)


WRONG_FILES = [
    ("a:\n\tb: 1", 2, "a tab in the indentation"),
    ("slack: {webhookurl: x\n", 2, "no YAML"),
    ("slack: 'open", 1, "no YAML"),
    ("a: b: c", 1, "no YAML"),
    ("a: *nowhere", 1, "no YAML"),
    ("- a\n- b", 1, "keys with values"),
    ("just text", 1, "keys with values"),
    ("42", 1, "keys with values"),
    ("debug: true\n---\ndebug: false", 2, "no YAML"),
    ("a: \x00b", 1, "control character"),
    (b"\x7fELF\x02\x01\x01\x00", 1, "control character"),
    (b"debug: true\nx: \xff\xfe", 2, "is no text"),
    ("[" * 5000, 1, "no YAML"),
    ("a: " + "[" * 900 + "]" * 900, 1, "more than 50 deep"),
    ("x: &x {y: *x}", 1, "aliases"),
    (
        "a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)),
        1,
        "aliases",
    ),
]


@pytest.mark.parametrize(("text", "line", "message"), WRONG_FILES)
def test_what_is_no_configuration_at_all_is_one_problem(
    refuse: Refuse, text: str | bytes, line: int, message: str
) -> None:
    [problem] = refuse(text)
    assert message in problem.message
    assert problem.place.line == line


def test_a_map_in_the_environment_beside_what_is_none_in_the_file(refuse: Refuse) -> None:
    [problem] = refuse("customfields: [a]", {"CUSTOMFIELDS": "b:c"})
    assert (problem.key, problem.place.line) == ("customfields", 1)


SHAPES: list[object] = [5, 1.5, True, "x", "", [], [5], [[5]], [{"a": 5}], {}, {"a": 5}, {"a": [5]}, {"a": {"b": 5}}]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_key_fails_on_a_value_of_any_shape(tmp_path: Path, shape: object) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(json.dumps(dict.fromkeys(schema().keys, shape)))
    problems = _problems_of(path)
    assert not [problem for problem in problems or () if "Input should be a valid" in problem]


@pytest.mark.parametrize(
    "text", ["5", "x", "{", "[", "{}", "[5]", "[{}]", "{a: [b]}", '{"a": [1]}', "a:b,c", ",", "*x"]
)
def test_no_variable_fails_on_any_text(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(None, {key.variable: text for key in schema().keys.values()})
    told = [str(problem) for problem in caught.value.problems]
    assert not [problem for problem in told if "Input should be a valid" in problem or "\n" in problem]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(ConfigurationError, match=reason):
            load(path, {})


def test_every_problem_is_told_in_the_order_of_the_file(refuse: Refuse) -> None:
    problems = refuse(
        """
        debug: maybe
        slack: {webhokurl: x}
        webhook: {address: x, timeout: 5, method: GET, filter: '('}
        """,
        {"GRACE": "soon", "WEBHOOK_CHECKCERT": "perhaps"},
    )
    assert [(problem.place.variable or problem.place.line, problem.key) for problem in problems] == [
        ("GRACE", "grace"),
        ("WEBHOOK_CHECKCERT", "webhook.checkcert"),
        (2, "debug"),
        (3, "slack.webhokurl"),
        (4, "webhook.timeout"),
        (4, "webhook.method"),
        (4, "webhook.filter"),
    ]


FRAGMENTS = [
    "slack",
    "webhook",
    "customfields",
    "debug",
    ":",
    ": ",
    "\n",
    "  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "1",
    ".",
    "%X",
]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=20).map("".join).map(str.encode) | st.binary(max_size=40))
def test_any_bytes_are_a_configuration_or_a_list_of_problems(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    problems = _problems_of(path)
    assert problems is None or problems
    assert all("\n" not in problem for problem in problems or ())


def _problems_of(path: Path) -> list[str] | None:
    try:
        load(path, {})
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return None
