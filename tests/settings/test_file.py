"""What a configuration file means, key by key."""

import pytest

from sidekick.event import Priority
from sidekick.settings import Configuration
from tests.settings.conftest import Load

ON = "webhook: {address: http://localhost}\n"


def chosen(configuration: Configuration) -> list[str]:
    """The outputs that are on because something turned them on."""
    return [name for name, output in configuration.outputs.items() if output.type.requires]


def test_an_empty_file_means_the_defaults_and_is_odd(configure: Load) -> None:
    configuration = configure("")
    assert configuration.listenport == 2801
    assert chosen(configuration) == []
    assert [warning.message for warning in configuration.warnings] == ["is empty"]


@pytest.mark.parametrize(
    "text", ["---\n", "# nothing but a comment\n", "null\n", "\ufeff", "slack:\nwebhook:\naws:\n  s3:\n"]
)
def test_a_file_without_values_means_the_defaults(configure: Load, text: str) -> None:
    assert configure(text).listenport == 2801


def test_keys_are_read_in_any_case(configure: Load) -> None:
    configuration = configure(
        "outputFieldFormat: x\nListenPort: 1\nWebHook: {AddRess: http://x, customHeaders: {A: b}}"
    )
    assert (configuration.outputfieldformat, configuration.listenport) == ("x", 1)
    assert configuration.outputs["webhook"].settings.model_dump()["customheaders"] == {"A": "b"}


def test_the_names_inside_a_map_keep_their_case_and_dots(configure: Load) -> None:
    fields = configure("customfields: {k8s.Cluster: Prod, Akey: 0777, empty: , 'on': on}").customfields
    assert fields == {"k8s.Cluster": "Prod", "Akey": "0777", "empty": "", "on": "on"}


@pytest.mark.parametrize(
    "text",
    [
        "journal: {retention: {age: 2h}}",
        "journal.retention.age: 2h",
        "journal: {retention.age: 2h}",
        "JOURNAL.Retention: {Age: 2h}",
    ],
)
def test_dots_and_nesting_are_one(configure: Load, text: str) -> None:
    assert configure(text).journal.retention.age == 7200


@pytest.mark.parametrize(
    ("written", "port"),
    [
        ("2802", 2802),
        ("0777", 511),
        ("1_000", 1000),
        ("0x10", 16),
        ('"0o17"', 15),
        ("1e3", 1000),
        ("~", 2801),
        ('""', 2801),
    ],
)
def test_a_number_is_read_as_go_reads_it(configure: Load, written: str, port: int) -> None:
    assert configure(f"listenport: {written}").listenport == port


@pytest.mark.parametrize(
    ("written", "size"), [("1_000", 1000), ("10MB", 10_000_000), ('"4MiB"', 4 << 20), ("0x10", 16)]
)
def test_a_size_is_a_number_or_has_a_unit(configure: Load, written: str, size: int) -> None:
    assert configure(f"receiver: {{bodylimit: {written}}}").receiver.bodylimit == size


@pytest.mark.parametrize("written", ["0123", "on", "1_000", "1.10", "true", "2001-01-01", "12:30", "'~'"])
def test_text_is_what_is_written(configure: Load, written: str) -> None:
    assert configure(f"bracketreplacer: {written}").bracketreplacer == written.strip("'")


def test_merge_keys_and_aliases(configure: Load) -> None:
    configuration = configure("""
        webhook.one: &one {address: http://one, minimumpriority: info}
        webhook.two: {<<: *one, address: http://two}
        webhook.three: {<<: [*one, {filter: rule exists}]}
    """)
    settings = {name: configuration.outputs[name].settings.model_dump() for name in chosen(configuration)}
    assert [settings[f"webhook.{name}"]["address"] for name in ("one", "two", "three")] == [
        "http://one",
        "http://two",
        "http://one",
    ]
    assert all(one["minimumpriority"] is Priority.INFORMATIONAL for one in settings.values())
    assert settings["webhook.three"]["filter"] == "rule exists"


def test_a_named_instance_stands_beside_its_output(configure: Load) -> None:
    configuration = configure(ON + "webhook.ops: {address: http://ops}\nelasticsearch.audit-2: {hostport: http://es}")
    assert chosen(configuration) == ["webhook", "webhook.ops", "elasticsearch.audit-2"]
    assert configuration.outputs["webhook.ops"].type is configuration.outputs["webhook"].type


def test_an_instance_needs_no_first_one(configure: Load) -> None:
    assert chosen(configure("webhook.ops: {address: http://ops}")) == ["webhook.ops"]


def test_an_output_without_its_required_key_is_off(configure: Load) -> None:
    configuration = configure("webhook: {method: PUT}\nkafka: {topic: falco}\nslack: {channel: x}")
    missing = {name: off.missing for name, off in configuration.off.items()}
    assert missing == {"webhook": ("address",), "kafka": ("hostport",), "slack": ("webhookurl",)}
    assert [str(warning).partition(":")[2] for warning in configuration.warnings] == [
        "2:1: kafka: is off, for it needs hostport too"
    ]


def test_custom_fields_and_tags_take_variables(configure: Load) -> None:
    configuration = configure(
        "customfields: {cluster: '%CLUSTER', half: 50%}\ncustomtags: [a, '%TAG']", {"CLUSTER": "c", "TAG": "t"}
    )
    assert configuration.customfields == {"cluster": "c", "half": "50%"}
    assert configuration.customtags == ("a", "t")


def test_a_list_may_be_one_text(configure: Load) -> None:
    assert configure("tlsserver: {notlspaths: '/ping,/metrics'}").tlsserver.notlspaths == ("/ping", "/metrics")
    assert configure("tlsserver: {notlspaths: [/ping]}").tlsserver.notlspaths == ("/ping",)


def test_debug_lowers_the_level_of_the_log(configure: Load) -> None:
    assert configure("log: {level: Warning}").loglevel == "warning"
    assert configure("log: {level: warning}\ndebug: true").loglevel == "debug"
