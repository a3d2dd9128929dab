"""Google Cloud: the login by a service account's key, and requests, on a server that knows the schemas."""

import asyncio
import base64
import gzip
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outputs.gcp_chronicle import Chronicle
from outputs.gcp_cloudfunctions import CloudFunctions
from outputs.gcp_pubsub import PubSub
from outputs.gcp_storage import Storage, StorageSettings
from sidekick.delivery.breaker import FAILURES_TO_OPEN
from sidekick.sdk import Answer, Context, HttpOutput, MisconfiguredError, PermanentError, Request, RetryableError
from sidekick.sdk.testing import Fault
from tests.outputs.alerts import DATA, alert, recorded
from tests.outputs.midstream import RETRY, through
from tests.services.google import Google, google


@asynccontextmanager
async def connected(kind: type[HttpOutput[Any]], service: Google, **changes: Any) -> AsyncGenerator[HttpOutput[Any]]:
    settings = {**kind.example, "endpoint": service.url, "credentials": service.credentials, **changes}
    output = kind(kind.Settings.model_validate(settings), Context())
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


async def test_one_token_serves_many_requests_and_is_renewed_in_time() -> None:
    async with google() as service, connected(PubSub, service) as output:
        for _ in range(3):
            await output.send([alert()])
        assert service.tokens == 1
        service.life = -1
        await output.close()
        for _ in range(3):
            await output.send([alert()])
        assert service.tokens == 5  # one at connect, and one for each request, for it is always too old
    assert len(service.messages) == 6


class Later(asyncio.SelectorEventLoop):
    """A loop that takes it that this many seconds more have passed."""

    more = 0.0

    def time(self) -> float:
        return super().time() + self.more


def test_a_token_is_renewed_in_the_last_tenth_of_its_life_and_not_before() -> None:
    async def tokens(loop: Later) -> list[int]:
        found = list[int]()
        async with google() as service, connected(PubSub, service) as output:
            for loop.more in (0.0, 0.89 * service.life, 0.91 * service.life):
                await output.send([alert()])
                found.append(service.tokens)
        return found

    loop = Later()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(tokens(loop)) == [1, 1, 2]


async def test_a_token_that_was_revoked_is_replaced_once_for_all_requests_that_need_it() -> None:
    async with google() as service, connected(PubSub, service) as output:
        service.token = "another"
        with pytest.raises(MisconfiguredError):
            await output.send([alert()])
        await asyncio.gather(*(output.send([alert()]) for _ in range(5)))
        assert service.tokens == 2


async def test_a_login_that_is_refused_is_told_at_connect() -> None:
    async with google() as service:
        service.refusal = Answer(400, {}, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}')
        with pytest.raises(MisconfiguredError, match=r"HTTP 400.*Invalid JWT Signature"):
            async with connected(PubSub, service):
                pass
        service.refusal = Answer(503)
        with pytest.raises(RetryableError) as met:
            async with connected(PubSub, service):
                pass
        assert not isinstance(met.value, MisconfiguredError)
        service.refusal = Answer(200, {"content-type": "application/json"}, b'{"unexpected":1}')
        with pytest.raises(MisconfiguredError):
            async with connected(PubSub, service):
                pass


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BAD_KEY = {"type": "service_account", "client_email": "a@b", "private_key": "no key", "token_uri": "http://127.0.0.1/"}


@pytest.mark.parametrize(
    "credentials",
    [
        "no base64",
        *map(
            encoded, ("no JSON", "[]", "{}", '{"type":"unheard of"}', '{"type":"service_account"}', json.dumps(BAD_KEY))
        ),
    ],
)
async def test_a_key_that_cannot_be_used_is_told_without_showing_it(credentials: str) -> None:
    async with google() as service:
        with pytest.raises(MisconfiguredError) as met:
            async with connected(PubSub, service, credentials=credentials):
                pass
    assert credentials not in str(met.value)


async def test_the_usual_chain_of_google_counts_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with google() as service:
        path = tmp_path / "key.json"
        path.write_bytes(base64.b64decode(service.credentials))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        async with connected(PubSub, service, credentials="", endpoint=""):
            assert service.tokens == 1
        path.unlink()
        with pytest.raises(MisconfiguredError):
            async with connected(PubSub, service, credentials="", endpoint=""):
                pass


async def test_an_emulator_needs_no_login() -> None:
    async with google() as service, connected(PubSub, service, credentials="") as output:
        with pytest.raises(MisconfiguredError, match="401"):  # no emulator, this one
            await output.send([alert()])
        assert service.tokens == 0


async def test_messages_carry_alerts_and_attributes() -> None:
    events = [alert({"n": number}) for number in range(1000)]
    async with google() as service, connected(PubSub, service, customattributes={"team": "sec"}) as output:
        await output.send(events)
    assert [message.data for message in service.messages] == [event.json for event in events]
    assert {json.dumps(message.attributes) for message in service.messages} == {'{"team": "sec"}'}


def test_a_publish_without_all_ids_is_tried_again() -> None:
    output = PubSub(PubSub.Settings.model_validate(PubSub.example), Context())
    with pytest.raises(RetryableError, match="1 ids for 2 messages"):
        output.read_answer(Answer(200, {}, b'{"messageIds":["1"]}'), [alert(), alert()])


async def test_a_batch_is_one_object_however_often_it_is_sent() -> None:
    events = [alert(time="2026-11-24T10:59:00+02:00"), alert()]
    async with google() as service, connected(Storage, service, bucket="b", prefix="pre/fix") as output:
        await output.send(events)
        await output.send(events)
        ((name, body),) = service.objects.items()
        assert name.startswith("pre/fix/2026-11-24/08/20261124T085900Z-")
        assert gzip.decompress(body).splitlines() == [event.json for event in events]
        await output.send(events[:1])
        assert len(service.objects) == 2


async def test_a_batch_whose_answers_get_lost_is_there_once_however_long_it_takes(tmp_path: Path) -> None:
    async with google() as service:
        lost = iter(range(2 * FAILURES_TO_OPEN))

        def losing(request: Request) -> Answer | Fault:
            answer = service(request)
            return Fault.CUT if "/upload/" in request.url and next(lost, None) is not None else answer

        assert service.server
        service.server.script = losing
        keys = {"bucket": "b", "endpoint": service.url, "credentials": service.credentials, "retry": RETRY}
        settings = StorageSettings.model_validate({**keys, "batch": {"count": 20, "linger": "0s"}})
        events = await through(Storage(settings, Context()), tmp_path)
        stored = [line for body in service.objects.values() for line in gzip.decompress(body).splitlines()]
    assert sorted(stored) == sorted(event.json for event in events)


async def test_the_single_layout_is_falcosidekicks() -> None:
    captures = json.loads((DATA / "captures" / "gcp.storage.json").read_text())["captures"]
    recording = next(one for one in captures if one["variant"] == "prefix")
    theirs = re.search(r'"name":"(.*?)"', recording["body"])
    stored = recording["body"].split("\r\n\r\n")[2].split("\r\n")[0]
    async with google() as service, connected(Storage, service, prefix="pre", layout="single") as output:
        assert output.batch.count == 1
        await output.send([recorded(recording["input"])])
    ((name, body),) = service.objects.items()
    assert {**json.loads(body), "uuid": ""} == {**json.loads(stored), "uuid": ""}
    assert theirs
    day = r"pre/\d{4}-\d\d-\d\d/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
    assert re.fullmatch(day + r"\.json", theirs[1])
    assert re.fullmatch(day + r"-[0-9a-f-]{36}\.json", name)


async def test_a_function_that_fails_sets_the_alert_aside() -> None:
    event = alert()
    async with google() as service, connected(CloudFunctions, service) as output:
        await output.send([event])
        service.function_error = "Error: function terminated."
        with pytest.raises(PermanentError, match="function terminated"):
            await output.send([alert()])
    assert service.calls[0] == event.json


async def test_logs_have_the_alerts_own_time() -> None:
    events = [alert(time="2026-11-24T10:59:00.123456789+02:00"), alert(time="9999-12-31T23:59:58Z")]
    async with google() as service, connected(Chronicle, service) as output:
        request = output.encode(events)
        await output.send(events)
    assert [log.data for log in service.logs] == [event.json for event in events]
    assert b'"logEntryTime":"2026-11-24T10:59:00.123456789+02:00"' in request.body
    assert b'"collectionTime":"2026-11-24T10:59:01.123456+02:00"' in request.body


def test_addresses_are_googles_own_without_an_endpoint() -> None:
    def address(kind: type[HttpOutput[Any]]) -> str:
        return kind(kind.Settings.model_validate(kind.example), Context()).encode([alert()]).url

    assert address(PubSub) == "https://pubsub.googleapis.com/v1/projects/PROJECT/topics/falco:publish"
    assert address(Storage).startswith("https://storage.googleapis.com/upload/storage/v1/b/falco-alerts/o?")
    assert address(CloudFunctions).startswith("https://cloudfunctions.googleapis.com/v1/projects/PROJECT/locations/")
    assert address(Chronicle).startswith("https://chronicle.europe.rep.googleapis.com/v1beta/projects/PROJECT/")
