"""What a sender gets for what it posts: falcosidekick's contract, and what is added to it."""

import gzip
import json
import zlib

import pytest

from sidekick.event import Event
from tests.deadline import until
from tests.receiver.client import ALERT, Answer, chunked, connected, exchange, post, request, statuses
from tests.receiver.conftest import Running, Start
from tests.recorded import recorded_requests

PLAIN = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}


async def answered(receiver: Running, data: bytes, *, to_head: bool = False) -> Answer:
    async with connected(receiver.address) as client:
        client.send(data)
        return await client.answer(to_head=to_head)


async def test_recorded_requests_of_a_real_falco_are_taken_each_once(receiver: Running) -> None:
    requests = recorded_requests()
    text = [one for one in requests if b"text/plain" in one]
    async with connected(receiver.address) as client:
        for one in requests:
            client.send(one)
            answer = await client.answer()
            assert answer.status == (400 if one in text else 200)
    bodies = [one.partition(b"\r\n\r\n")[2] for one in requests if one not in text]
    assert receiver.inbox.rules == [json.loads(body)["rule"] for body in bodies]
    assert [entry.body for entry in receiver.refused.entries] == [one.partition(b"\r\n\r\n")[2] for one in text]


async def test_an_alert_is_answered_200_without_a_body(receiver: Running) -> None:
    answer = await answered(receiver, post())
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    assert "connection" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/falco", "/ping/", "/debug/vars", "/a?token=b", "/metricsx", "http://h/x"])
async def test_every_path_that_is_no_page_takes_alerts(receiver: Running, path: str) -> None:
    assert (await answered(receiver, post(path=path))).status == 200
    assert receiver.inbox.rules == ["r"]


@pytest.mark.parametrize(
    ("data", "text", "reason"),
    [
        (request("GET", "/"), b"Please send with post http method\n", "method"),
        (request("PUT", "/x", "Content-Length: 1") + b"x", b"Please send with post http method\n", "method"),
        (post(b""), b"Please send a valid request body\n", "json"),
        (post(b"{"), b"Please send a valid request body\n", "json"),
        (post(b"[]"), b"Please send a valid request body\n", "type"),
        (post(b'{"rule":"r","priority":"x"}'), b"Please send a valid request body\n", "priority"),
        (post(b"x", "/", "Content-Encoding: gzip"), b"Please send a valid request body\n", "gzip"),
    ],
)
async def test_what_is_no_alert_is_answered_400_and_the_connection_lives(
    receiver: Running, data: bytes, text: bytes, reason: str
) -> None:
    async with connected(receiver.address) as client:
        client.send(data + post())
        answer = await client.answer()
        assert (answer.status, answer.body) == (400, text)
        assert answer.headers.items() >= PLAIN.items()
        assert (await client.answer()).status == 200
    assert receiver.refused.counts == {reason: 1}


async def test_head_is_answered_like_get_without_the_body(receiver: Running) -> None:
    async with connected(receiver.address) as client:
        client.send(request("HEAD", "/") + request("HEAD", "/ping") + post())
        assert (await client.answer(to_head=True)).headers["content-length"] == "34"
        assert (await client.answer(to_head=True)).headers["content-length"] == "5"
        assert (await client.answer()).status == 200


@pytest.mark.parametrize("path", ["//", "//falco", "/a/../falco", "/a/./b/", "/.."])
async def test_a_path_that_falcosidekick_redirects_takes_alerts(receiver: Running, path: str) -> None:
    assert (await answered(receiver, post(path=path))).status == 200
    assert receiver.inbox.rules == ["r"]


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/ping", "text/plain; charset=utf-8", b"pong\n"),
        ("/%70ing", "text/plain; charset=utf-8", b"pong\n"),
        ("/healthz", "application/json", b'{"status": "ok"}'),
        ("/readyz", "application/json", b'{"full":false}'),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", b"m 1\n"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_pages_answer_any_method(receiver: Running, path: str, kind: str, body: bytes, method: str) -> None:
    answer = await answered(receiver, request(method, path, "Content-Length: 3") + b"abc")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, kind, body)


async def test_metrics_are_compressed_for_who_asks(receiver: Running) -> None:
    answer = await answered(receiver, request("GET", "/metrics", "Accept-Encoding: deflate, gzip;q=0.5"))
    assert (answer.headers["content-encoding"], gzip.decompress(answer.body)) == ("gzip", b"m 1\n")
    answer = await answered(receiver, request("GET", "/metrics", "Accept-Encoding: gzip;q=0"))
    assert "content-encoding" not in answer.headers


async def test_a_full_journal_is_503_and_not_ready(receiver: Running) -> None:
    receiver.inbox.full = True
    answer = await answered(receiver, post())
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert (await answered(receiver, request("POST", "/test"))).status == 503
    assert (await answered(receiver, request("GET", "/readyz"))).status == 503
    receiver.inbox.full = False
    assert (await answered(receiver, post())).status == 200
    assert receiver.receiver.state.accepted == 1


async def test_a_commit_that_fails_is_503(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(post())
        await until(lambda: receiver.inbox.held)
        receiver.inbox.release(OSError(28, "No space left on device"))
        answer = await client.answer()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert receiver.receiver.state.accepted == 0


async def test_a_fault_of_ours_is_500_and_the_alert_is_kept(receiver: Running) -> None:
    receiver.inbox.fault = KeyError("a fault")
    assert (await answered(receiver, post())).status == 500
    assert [(entry.reason, entry.body) for entry in receiver.refused.entries] == [("fault", ALERT)]


async def test_the_test_event_goes_the_way_of_an_alert(receiver: Running) -> None:
    answer = await answered(receiver, post(b"ignored", "/test"))
    assert (answer.status, answer.body) == (200, b"")
    (event,) = receiver.inbox.events
    assert (event.rule, event.source, event.tags) == (Event.TEST_RULE, "internal", ("example", "test"))
    assert event.fields == {"proc.name": "falcosidekick", "user.name": "falcosidekick"}
    assert (await answered(receiver, request("GET", "/test"))).body == b"Please send with post http method\n"


async def test_gzip_bodies_are_unpacked_all_members_of_them(receiver: Running) -> None:
    packed = gzip.compress(ALERT) + gzip.compress(b"\n" + ALERT)
    assert (await answered(receiver, post(packed, "/", "Content-Encoding: gzip"))).status == 200
    assert receiver.inbox.rules == ["r", "r"]


async def test_a_gzip_body_cut_short_is_400(receiver: Running) -> None:
    assert (await answered(receiver, post(gzip.compress(ALERT)[:-9], "/", "Content-Encoding: gzip"))).status == 400


async def test_a_gzip_bomb_meets_the_body_limit(start: Start) -> None:
    receiver = await start(bodylimit="1MB")
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    assert len(packed) < 1_000_000
    async with connected(receiver.address) as client:
        client.send(post(packed, "/", "Content-Encoding: gzip") + post())
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert await client.rest() == b""
    assert receiver.inbox.events == []


async def test_chunks_may_be_split_anywhere(receiver: Running) -> None:
    for cut in range(1, len(ALERT)):
        async with connected(receiver.address) as client:
            client.send(chunked(ALERT[:cut], ALERT[cut:], trailers=b"Expires: never\r\n") + post())
            assert await client.statuses(2) == [200, 200]
    assert len(receiver.inbox.events) == 2 * (len(ALERT) - 1)


@pytest.mark.parametrize("length", [len(ALERT), 200])
async def test_who_expects_100_gets_it_before_the_body(receiver: Running, length: int) -> None:
    async with connected(receiver.address) as client:
        body = ALERT.ljust(length)
        client.send(request("POST", "/", f"Content-Length: {length}", "Expect: 100-continue"))
        assert (await client.answer()).status == 100
        client.send(body)
        assert (await client.answer()).status == 200


async def test_who_expects_100_for_too_much_gets_413_at_once(start: Start) -> None:
    receiver = await start(bodylimit=1000)
    async with connected(receiver.address) as client:
        client.send(request("POST", "/", "Content-Length: 1001", "Expect: 100-continue"))
        assert (await client.answer()).status == 413
        assert await client.rest() == b""


@pytest.mark.parametrize("fields", [(), ("Connection: keep-alive",)])
async def test_http_1_0_is_answered_and_closed(receiver: Running, fields: tuple[str, ...]) -> None:
    async with connected(receiver.address) as client:
        client.send(request("POST", "/", f"Content-Length: {len(ALERT)}", *fields, version="1.0") + ALERT)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await client.rest() == b""


async def test_an_offer_of_another_protocol_is_passed_over(receiver: Running) -> None:
    answers = await exchange(receiver.address, post(ALERT, "/", "Connection: Upgrade", "Upgrade: h2c"))
    assert statuses(answers) == [200]
    assert receiver.inbox.rules == ["r"]


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03", request("CONNECT", "a:1"), b"hello\r\n\r\n"])
async def test_what_is_no_http_is_400_and_closed(receiver: Running, data: bytes) -> None:
    async with connected(receiver.address) as client:
        client.send(data)
        assert (await client.answer()).status == 400
        assert await client.rest() == b""
    assert receiver.refused.counts == {"http": 1}
