"""What people are sent: the same facts in each system's form, within its limits, and none of an attacker's making."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outputs.cliq import Cliq
from outputs.discord import Discord
from outputs.googlechat import Googlechat
from outputs.gotify import Gotify
from outputs.grafanaoncall import GrafanaOncall
from outputs.mattermost import Mattermost
from outputs.opsgenie import Opsgenie
from outputs.pagerduty import Pagerduty
from outputs.rocketchat import Rocketchat
from outputs.slack import Slack
from outputs.teams import Teams
from outputs.telegram import Telegram
from outputs.webex import Webex
from sidekick.event import Event
from sidekick.sdk import Answer, Context, HttpOutput, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.message import FIELDS, Message, markdown, shortened
from tests.outputs.alerts import alert

CHATS = (Slack, Mattermost, Rocketchat, Teams, Discord, Googlechat, Cliq, Webex, Telegram, Gotify)
PAGE = "https://sidekick.example.com/"
CONNECTOR = "https://example.webhook.office.com/webhookb2/ID/IncomingWebhook/ID/ID"


def made(kind: type[HttpOutput[Any]], page: str = "", **settings: Any) -> HttpOutput[Any]:
    return kind(kind.Settings.model_validate({**kind.example, **settings}), Context(page=page))


def body(kind: type[HttpOutput[Any]], event: Event, page: str = "", **settings: Any) -> Any:
    return json.loads(made(kind, page, **settings).encode([event]).body)


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def discord(event: Event) -> None:
    (embed,) = body(Discord, event)["embeds"]
    fields = embed["fields"]
    assert len(embed["description"]) <= 4096
    assert len(fields) <= 25
    assert all(1 <= len(field["name"]) <= 256 and 1 <= len(field["value"]) <= 1024 for field in fields)
    assert len(embed["description"]) + sum(len(field["name"]) + len(field["value"]) for field in fields) <= 6000


def telegram(event: Event) -> None:
    shown = unescaped(re.sub(r"(?<!\\)\*", "", body(Telegram, event)["text"]))
    assert len(shown.encode("utf-16-le")) // 2 <= 4096


def webex(event: Event) -> None:
    assert len(body(Webex, event)["markdown"].encode()) <= 7439


def googlechat(event: Event) -> None:
    request = made(Googlechat, messageformat="{{ .Output }}").encode([event])
    assert len(request.body) <= 32_001
    assert len(json.loads(request.body)["cards"][0]["sections"][0]["widgets"]) <= 100


def teams(event: Event) -> None:
    for url in (Teams.example["webhookurl"], CONNECTOR):
        assert len(made(Teams, webhookurl=url).encode([event]).body) <= 28_000


def slack(event: Event) -> None:
    assert len(made(Slack).encode([event]).body.decode()) <= 40_001


def opsgenie(event: Event) -> None:
    sent = body(Opsgenie, event)
    assert 1 <= len(sent["message"]) <= 130
    assert len(sent["description"]) <= 15_000
    assert sum(len(name) + len(value) for name, value in sent["details"].items()) <= 8_000


def pagerduty(event: Event) -> None:
    request = made(Pagerduty).encode([event])
    assert 1 <= len(json.loads(request.body)["payload"]["summary"]) <= 1024
    assert len(request.body) <= 512 * 1024


LIMITS = (discord, telegram, webex, googlechat, teams, slack, opsgenie, pagerduty)
SOME_TEXT = st.tuples(st.text(max_size=30), st.sampled_from([1, 1, 1, 40, 2000])).map(lambda drawn: drawn[0] * drawn[1])


@st.composite
def some_alert(draw: st.DrawFn) -> Event:
    fields = draw(st.dictionaries(SOME_TEXT, SOME_TEXT, max_size=8))
    fields |= {f"filler.{number}": "x" * 900 for number in range(draw(st.sampled_from([0, 0, 20, 200, 800])))}
    return alert(fields, output=draw(SOME_TEXT), rule=draw(SOME_TEXT) or "r")


@pytest.mark.parametrize("within", LIMITS, ids=lambda within: within.__name__)
def test_a_message_is_within_the_limits_of_its_system(within: Callable[[Event], None]) -> None:
    settings(deadline=None)(given(some_alert())(within))()


@given(text=st.text(), limit=st.integers(min_value=1, max_value=200))
def test_a_text_is_shortened_only_where_it_is_too_long_and_says_so(text: str, limit: int) -> None:
    short = shortened(text * 5, limit)
    assert len(short) <= limit
    if len(text * 5) <= limit:
        assert short == text * 5
    elif limit > 30:
        assert f"({len(text * 5):,} characters)" in short


def test_a_message_that_is_too_long_loses_its_last_fields_and_says_how_many() -> None:
    event = alert({f"field.{number:02}": "x" for number in range(40)})
    message = Message.of(event, ("rule", FIELDS, "time")).fitted(10**9, lambda one: 0, count=10)
    names = [fact.name for fact in message.facts]
    assert names == ["rule", *(f"field.{number:02}" for number in range(7)), "not shown", "time"]
    assert message.facts[-2].value == "33 more fields"


def test_a_long_command_line_arrives_in_slack_cut_with_its_length_and_the_way_to_the_whole() -> None:
    event = alert({"proc.cmdline": "x" * 9_000})
    fields = {field["title"]: field["value"] for field in body(Slack, event, PAGE)["attachments"][0]["fields"]}
    assert fields["proc.cmdline"].endswith("x… (9,000 characters)")
    assert fields["link"] == f"https://sidekick.example.com/events/{event.uuid}"


@pytest.mark.parametrize("kind", [*CHATS, GrafanaOncall, Opsgenie, Pagerduty])
def test_a_message_links_to_its_alert_where_there_is_a_page(kind: type[HttpOutput[Any]]) -> None:
    event = alert()
    link = f"events/{event.uuid}"
    assert link in unescaped(made(kind, PAGE).encode([event]).body.decode().replace("\\\\", "\\"))
    assert link not in made(kind).encode([event]).body.decode()


def test_slack_is_given_no_mention_and_no_link_that_stands_in_the_alert() -> None:
    sent = (
        made(Slack).encode([alert({"proc.cmdline": "<!channel> <https://evil.example|ok>"}, output="<!here> &")]).body
    )
    assert b"<" not in sent
    attachment = json.loads(sent)["attachments"][0]
    assert attachment["text"] == "&lt;!here&gt; &amp;"


def test_discord_keeps_a_field_inside_its_block() -> None:
    (embed,) = body(Discord, alert({"proc.cmdline": "a ``` @everyone"}))["embeds"]
    (value,) = [field["value"] for field in embed["fields"] if field["name"] == "proc.cmdline"]
    assert value.count("```") == 2


@given(st.text())
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    escaped = markdown(text)
    assert unescaped(escaped) == text
    assert not re.search(r"(?<!\\)[_*\[\]()~`>#+\-=|{}.!]", escaped.replace("\\\\", "\\\\ "))


def test_teams_has_an_adaptive_card_at_a_workflow_and_a_message_card_at_a_connector() -> None:
    event = alert({"proc.name": "bash"}, priority="Warning", tags=[], hostname="")
    (attachment,) = body(Teams, event)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    title, time, text, facts = attachment["content"]["body"]
    style = {"type": "TextRun", "weight": "bolder", "size": "medium", "color": "warning"}
    assert title["inlines"] == [style | {"text": "[Warning] Terminal shell in container"}]
    assert time["inlines"][0]["text"] == "2026-11-24 10:20:05.408091526 +0000 UTC"
    assert text["inlines"] == [{"type": "TextRun", "text": "10:20:05: Notice A shell was spawned"}]
    assert facts["facts"] == [
        {"title": "rule", "value": "Terminal shell in container"},
        {"title": "priority", "value": "Warning"},
        {"title": "source", "value": "syscall"},
        {"title": "proc.name", "value": "bash"},
    ]
    assert body(Teams, event, webhookurl=CONNECTOR)["@type"] == "MessageCard"


def test_a_messageformat_that_fails_is_told_in_the_message() -> None:
    sent = body(Slack, alert(), messageformat="Rule {{ .Rule }}: {{ .NoSuchName }}")
    assert sent["text"].startswith("Rule Terminal shell in container:  (messageformat: ")
    assert sent["attachments"][0]["text"] == "10:20:05: Notice A shell was spawned"
    last = alert(time="9999-12-31T23:59:59-12:00")
    assert "does not exist in that zone" in body(Slack, last, messageformat="{{ .Time.UTC }}")["text"]


@pytest.mark.parametrize(
    ("priority", "severity", "p"),
    [
        ("Emergency", "critical", "P1"),
        ("Critical", "critical", "P2"),
        ("Error", "error", "P3"),
        ("Warning", "warning", "P4"),
        ("Notice", "info", "P5"),
        ("Debug", "info", "P5"),
    ],
)
def test_on_call_is_told_how_urgent_it_is(priority: str, severity: str, p: str) -> None:
    event = alert(priority=priority)
    assert body(Pagerduty, event)["payload"]["severity"] == severity
    assert body(Opsgenie, event)["priority"] == p


def test_what_is_too_long_for_opsgenies_message_stands_whole_in_its_description() -> None:
    sent = body(Opsgenie, alert(output="x" * 200))
    assert sent["description"] == "Terminal shell in container\n\n" + "x" * 200


@pytest.mark.parametrize(
    ("kind", "answer", "error"),
    [
        (Telegram, Answer(400, {}, b'{"ok":false,"description":"Bad Request: chat not found"}'), MisconfiguredError),
        (Telegram, Answer(400, {}, b'{"description":"Bad Request: message thread not found"}'), MisconfiguredError),
        (Telegram, Answer(400, {}, b'{"ok":false,"description":"Bad Request: can\'t parse entities"}'), PermanentError),
        (Pagerduty, Answer(400, {}, b'{"errors":["\'routing_key\' is invalid"]}'), MisconfiguredError),
        (Teams, Answer(200, {}, b"Webhook message delivery failed with error: HTTP error 413"), PermanentError),
        (Teams, Answer(200, {}, b"Microsoft Teams endpoint returned HTTP error 429 with ContextId"), RetryableError),
        (Slack, Answer(410, {}, b"channel_is_archived"), MisconfiguredError),
    ],
)
def test_an_answer_means_what_its_text_says(
    kind: type[HttpOutput[Any]], answer: Answer, error: type[Exception]
) -> None:
    with pytest.raises(error) as refusal:
        made(kind).read_answer(answer, [alert()])
    assert type(refusal.value) is error


@pytest.mark.parametrize("text", ["\U0001f600", "\\", "x"])
def test_telegram_counts_what_it_shows_in_units_of_utf_16(text: str) -> None:
    telegram(alert({}, output=text * 4000))
    assert unescaped(body(Telegram, alert({}, output=text * 1000))["text"]).count(text) >= 1000


def test_telegram_says_in_its_body_how_long_to_wait() -> None:
    with pytest.raises(RetryableError) as refusal:
        made(Telegram).read_answer(Answer(429, {}, b'{"ok":false,"parameters":{"retry_after":17}}'), [alert()])
    assert refusal.value.after == 17


def test_fields_of_every_kind_are_told_where_falcosidekick_tells_them() -> None:
    event = alert({"pid": 12, "none": None, "deep": {"a": [1, "x", None]}, "ratio": 1.50, "yes": True})
    facts = {fact.name: fact.value for fact in Message.of(event, (FIELDS,), every=True).facts}
    assert facts == {"pid": "12", "none": "<no value>", "deep": "map[a:[1 x <nil>]]", "ratio": "1.5", "yes": "true"}
