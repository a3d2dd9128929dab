"""What the environment sets: every key by its own name, before the file; a secret also by a file's name."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidekick.settings import Configuration, ConfigurationError, load
from sidekick.settings.key import Key
from sidekick.settings.schema import schema
from tests.fuzz import targets
from tests.settings.conftest import Load, Refuse

SECRET = "s3cr3t-value"
WORDS = st.text(
    st.characters(exclude_characters=",:%{\x00", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8
)
ADDRESS = {"WEBHOOK_ADDRESS": "http://localhost"}


def webhook(configuration: Configuration) -> dict[str, object]:
    return configuration.outputs["webhook"].settings.model_dump()


def test_without_a_file_everything_comes_from_the_environment() -> None:
    configuration = load(None, {"LISTENPORT": "0x10", "JOURNAL_RETENTION_AGE": "2h", "DEBUG": "T", **ADDRESS})
    assert (configuration.listenport, configuration.debug, configuration.journal.retention.age) == (16, True, 7200)
    assert "webhook" in configuration.outputs


def test_every_key_has_a_variable_of_its_own() -> None:
    names = [key.variable for key in schema().keys.values()]
    assert len(names) == len(set(names)) > 800


def test_the_environment_comes_before_the_file_and_an_empty_variable_does_not(configure: Load) -> None:
    text = "listenport: 1\nbracketreplacer: file\nwebhook: {address: http://file}"
    configuration = configure(text, {"LISTENPORT": "", "BRACKETREPLACER": "variable", "WEBHOOK_ADDRESS": ""})
    assert (configuration.listenport, configuration.bracketreplacer) == (1, "variable")
    assert webhook(configuration)["address"] == "http://file"


def test_a_map_is_added_to_that_of_the_file(configure: Load) -> None:
    text = "webhook: {address: http://x, customheaders: {Both: file, File: file}}"
    configuration = configure(text, {"WEBHOOK_CUSTOMHEADERS": "Both:variable,Variable:a:b"})
    assert webhook(configuration)["customheaders"] == {"Both": "variable", "File": "file", "Variable": "a:b"}


def test_a_list_takes_the_place_of_that_of_the_file(configure: Load) -> None:
    configuration = configure("customtags: [file, other]", {"CUSTOMTAGS": " a, b ,,%TAG", "TAG": "c"})
    assert configuration.customtags == ("a", "b", "c")


def test_headers_are_pairs_or_json() -> None:
    for written in ('{"Authorization": "a,b:c"}', "Authorization:a"):
        configuration = load(None, {"ELASTICSEARCH_HOSTPORT": "http://x", "ELASTICSEARCH_CUSTOMHEADERS": written})
        headers = configuration.outputs["elasticsearch"].settings.model_dump()["customheaders"]
        assert headers == {"Authorization": "a,b:c" if written.startswith("{") else "a"}


def test_custom_fields_take_the_value_of_another_variable() -> None:
    assert load(None, {"CUSTOMFIELDS": "a:%A,b:50%", "A": "x"}).customfields == {"a": "x", "b": "50%"}


def test_an_instance_that_the_file_names_has_variables_too(configure: Load) -> None:
    configuration = configure("webhook.on-call: {timeout: 5s}", {"WEBHOOK_ON_CALL_ADDRESS": "http://x"})
    assert configuration.outputs["webhook.on-call"].settings.timeout == 5


@pytest.mark.parametrize(
    "variable", ["NATS_MINIMUMPRIORITY", "STAN_MINIMUMPRIORITY", "YANDEX_S3_MINIMUMPRIORITY", "TEKTON_MINIMUMPRIORITY"]
)
def test_the_variables_that_falcosidekick_forgot_count(variable: str) -> None:
    with pytest.raises(ConfigurationError, match=f"environment variable {variable}: .*'loud' is no priority"):
        load(None, {variable: "loud"})


def test_the_names_of_the_chart_count() -> None:
    off = load(None, {"TELEGRAM_MESSAGE_THREAD_ID": "7", "CLOUDEVENTS_EXTENSION": "a:b"}).off
    assert set(off) == {"telegram", "cloudevents"}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"LISTENPORT": "many"}, "environment variable LISTENPORT: listenport: is no whole number"),
        ({"CUSTOMFIELDS": "a:b,c"}, "environment variable CUSTOMFIELDS: customfields: item 2 has no name or no value"),
        ({"CUSTOMFIELDS": '{"a"'}, "environment variable CUSTOMFIELDS: customfields: "),
        ({"CUSTOMFIELDS": "a:%NOWHERE"}, "CUSTOMFIELDS: customfields: the environment variable NOWHERE is not set"),
        ({"GRACE": "30"}, "environment variable GRACE: grace: '30' is no duration"),
        ({"DEBUG": "yes"}, "environment variable DEBUG: debug: 'yes' is no boolean"),
        (
            {"API_PROXY_HEADER": "X-User"},
            "environment variable API_PROXY_HEADER: api.proxy: `header` without `networks`",
        ),
        ({"API_PROXY_ADMINGROUPS": "ops"}, "api.proxy: `admingroups` without `groupsheader`"),
        ({"WEBHOOK_FILTER": "rule ="}, "environment variable WEBHOOK_FILTER: webhook.filter: .*at character"),
    ],
)
def test_an_error_names_the_variable(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(None, environ)


def test_a_variable_of_nearly_the_right_name_is_odd() -> None:
    environ = {
        "SLACK_WEBHOOK_URL": "x",
        "AWS_ACCESS_KEY_ID": "x",
        "REDIS_SERVICE_HOST": "x",
        "SLACK_WEBHOOKURL_FILE": "",
    }
    [warning] = load(None, environ).warnings
    assert str(warning) == (
        "environment variable SLACK_WEBHOOK_URL: nobody reads this variable; did you mean SLACK_WEBHOOKURL?"
    )


def test_what_kubernetes_sets_for_a_service_is_no_port() -> None:
    configuration = load(None, {"LOGSTASH_PORT": "tcp://10.0.0.1:5044"})
    assert not configuration.off
    assert [warning.key for warning in configuration.warnings] == ["logstash.port"]


@settings(deadline=None)
@given(st.dictionaries(WORDS, WORDS, min_size=1))
def test_any_map_survives_both_of_its_forms(pairs: dict[str, str]) -> None:
    for written in (",".join(f"{name}:{value}" for name, value in pairs.items()), json.dumps(pairs)):
        assert load(None, {"CUSTOMFIELDS": written}).customfields == pairs


@settings(deadline=None)
@given(st.lists(WORDS, min_size=1))
def test_any_list_survives(words: list[str]) -> None:
    assert load(None, {"CUSTOMTAGS": ",".join(words)}).customtags == tuple(words)


@settings(deadline=None)
@given(st.sampled_from(targets.keys()), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_text_in_any_variable_counts_or_is_a_problem_of_that_variable(key: Key, text: str) -> None:
    targets.environment(key, text)


def test_a_secret_comes_from_a_file(configure: Load, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    text = "elasticsearch: {hostport: http://x}"
    for written, environ in [
        (text, {"ELASTICSEARCH_PASSWORD_FILE": str(secret)}),
        (text, {"ELASTICSEARCH_PASSWORD": f"file:{secret}"}),
        (f"elasticsearch: {{hostport: http://x, password: 'file:{secret}'}}", {}),
    ]:
        configuration = configure(written, environ)
        chosen = configuration.outputs["elasticsearch"].settings
        assert chosen.model_dump()["password"].get_secret_value() == SECRET
        assert SECRET not in repr(configuration)


def test_any_key_comes_from_a_file(configure: Load, tmp_path: Path) -> None:
    (tmp_path / "fields").write_text("a:b\n")
    assert configure("customfields: {c: d}", {"CUSTOMFIELDS_FILE": str(tmp_path / "fields")}).customfields == {
        "a": "b",
        "c": "d",
    }


def test_a_secret_file_that_cannot_be_read_is_named_with_its_key(refuse: Refuse, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    problems = refuse(
        f"elasticsearch: {{hostport: http://x, password: 'file:{missing}'}}",
        {"LISTENPORT_FILE": str(missing), "GRACE_FILE": str(tmp_path / "binary"), "DEBUG": "1", "DEBUG_FILE": "x"},
    )
    assert [(problem.place.variable, problem.key) for problem in problems] == [
        ("DEBUG_FILE", "debug"),
        ("GRACE_FILE", "grace"),
        ("LISTENPORT_FILE", "listenport"),
        ("", "elasticsearch.password"),
    ]
    assert problems[0].message == "DEBUG is set too: only one can count"
    assert problems[1].message == f"the file {tmp_path / 'binary'} holds no text in UTF-8"
    assert problems[3].message == f"the file {missing} cannot be read: No such file or directory"


def test_no_message_holds_a_secret(refuse: Refuse) -> None:
    text = f"elasticsearch: {{hostport: http://x, password: {SECRET}, apikey: {SECRET}, timeout: x, usrname: {SECRET}}}"
    environ = {"ELASTICSEARCH_PASSWORD": SECRET, "WEBHOOK_CUSTOMHEADERS": f"Authorization Bearer {SECRET}"}
    problems = refuse(text, environ)
    assert len(problems) == 3
    assert SECRET not in "\n".join(map(str, problems))
