"""The commands for what went wrong: dead letters and replay, as a person uses them beside the running service."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.deadline import until
from tests.faults.endpoint import Endpoint, take
from tests.faults.falco import Falco, number_of
from tests.faults.sidekick import Sidekick

Done = subprocess.CompletedProcess[str]


def said(*line: str, home: Path | None = None) -> Done:
    return subprocess.run(line, cwd=home, capture_output=True, text=True, timeout=60, check=False)


class Service:
    """A running sidekick with one webhook, and its commands."""

    def __init__(self, sidekick: Sidekick, endpoint: Endpoint) -> None:
        self.sidekick, self.endpoint = sidekick, endpoint

    async def post(self, count: int) -> None:
        falco = Falco(self.sidekick.port)
        for number in range(count):
            assert await falco.post(number) == 200
        await falco.close()
        await until(lambda: self.sidekick.metric("sidekick_output_lag_records", output="webhook") == 0)

    def line(self, command: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "sidekick", command, "-c", str(self.sidekick.configuration), *words]

    async def run(self, command: str, *words: str) -> Done:
        return await asyncio.to_thread(said, *self.line(command, *words))

    async def letters(self) -> list[dict[str, str]]:
        listed = await self.run("dead-letters", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return [json.loads(line) for line in listed.stdout.splitlines()]


async def odd_numbers_are_poison(body: bytes) -> web.Response:
    poison = (number_of(body) or 0) % 2
    return web.Response(status=422, text="[bold]odd[/]") if poison else web.Response()


@asynccontextmanager
async def serving(home: Path, **webhook: Any) -> AsyncGenerator[Service]:
    async with Endpoint().listening() as endpoint:
        retry = {"minimum": "10ms", "maximum": "50ms"}
        webhook |= {"address": endpoint.url, "retry": retry}
        sidekick = Sidekick(home, folder=str(home / "data"), webhook=webhook)
        await asyncio.to_thread(sidekick.start)
        yield Service(sidekick, endpoint)
        assert await asyncio.to_thread(sidekick.end) == 0


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(tmp_path) as one:
        yield one


async def test_dead_letters_are_listed_shown_replayed_and_dropped(service: Service) -> None:
    service.endpoint.behaviour = odd_numbers_are_poison
    await service.post(6)
    letters = await service.letters()
    assert [(letter["output"], letter["reason"]) for letter in letters] == [("webhook", "HTTP 422: [bold]odd[/]")] * 3
    for_people = await service.run("dead-letters", "list")
    assert "[bold]odd[/]" in for_people.stdout, "what a destination says is shown, not obeyed"
    every = await service.run("dead-letters", "drop", "--output", "webhook", "")
    assert (every.returncode, "3 dead letters" in every.stderr) == (2, True), "an empty id is none, and not all"
    shown = await service.run("dead-letters", "show", letters[0]["id"][:8])
    assert json.loads(shown.stdout)["event"]["output_fields"]["test.number"] == 1

    refused = await service.run("dead-letters", "replay", "--output", "webhook", letters[0]["id"])
    assert refused.returncode == 1
    assert len(await service.letters()) == 3, "refused again, it stays"

    service.endpoint.behaviour = take
    replayed = await service.run("dead-letters", "replay", "--output", "webhook", letters[0]["id"], letters[1]["id"])
    assert replayed.returncode == 0, replayed.stderr
    assert service.endpoint.ids[1] == {letters[0]["id"]}, "under the id that it always had"
    assert [letter["id"] for letter in await service.letters()] == [letters[2]["id"]]

    assert (await service.run("dead-letters", "drop", "--output", "webhook", "--all")).returncode == 0
    assert await service.letters() == []
    assert set(service.endpoint.times) == {0, 1, 2, 3, 4}


async def test_what_is_taken_beside_one_that_fails_is_no_dead_letter_any_more(tmp_path: Path) -> None:
    """Four in flight: one fails until the command is interrupted, one is refused, two are taken."""
    answers: Counter[int] = Counter()

    async def answer(body: bytes) -> web.Response:
        number = number_of(body) or 0
        answers[number] += 1
        return await {0: be_away, 1: refuse}.get(number, take)(body)

    async with serving(tmp_path, maxconcurrentrequests=4) as service:
        service.endpoint.behaviour = refuse
        await service.post(4)
        letters = await service.letters()
        service.endpoint.behaviour = answer
        line = service.line("dead-letters", "replay", "--output", "webhook", "--all")
        replay = await asyncio.create_subprocess_exec(*line, stderr=subprocess.PIPE)
        async with asyncio.timeout(60):
            await until(lambda: len(answers) == 4, within=60)
            replay.send_signal(signal.SIGINT)
            _, told = await replay.communicate()
        assert replay.returncode == 1
        assert b"2 delivered, 0 filtered out, 1 refused." in told
        left = {letter["id"] for letter in await service.letters()}
        taken = set[str]().union(*service.endpoint.ids.values())
        assert (len(taken), left) == (2, {letter["id"] for letter in letters} - taken)


async def test_a_span_of_time_is_sent_again_under_the_same_ids(service: Service) -> None:
    await service.post(50)
    replayed = await service.run("replay", "--output", "webhook", "--since", "1h", "--filter", "test.number >= 40")
    assert replayed.returncode == 0, replayed.stderr
    assert "10 delivered, 40 filtered out" in replayed.stderr
    assert service.endpoint.times == Counter({number: 1 if number < 40 else 2 for number in range(50)})
    assert all(len(ids) == 1 for ids in service.endpoint.ids.values())


async def test_ctrl_c_ends_a_replay_after_what_is_in_hand(service: Service) -> None:
    await service.post(300)
    asked = asyncio.Event()

    async def take_and_tell(body: bytes) -> web.Response:
        asked.set()
        return web.Response()

    service.endpoint.behaviour = take_and_tell
    line = service.line("replay", "--output", "webhook", "--since", "1h")
    replay = await asyncio.create_subprocess_exec(*line, stderr=subprocess.PIPE)
    async with asyncio.timeout(60):
        await asked.wait()
        replay.send_signal(signal.SIGINT)
        _, told = await replay.communicate()
    assert replay.returncode == 1
    assert b"Stopped before the end: interrupted." in told
    assert 300 < service.endpoint.times.total() < 600


async def test_what_was_no_alert_can_be_seen(service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.sidekick.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n[red]x")
    assert (await reader.readuntil(b"\r\n")).split()[1] == b"400"
    writer.close()
    await writer.wait_closed()
    assert await asyncio.to_thread(service.sidekick.end) == 0
    listed = await service.run("dead-letters", "list", "--refused")
    assert "[red]x" in listed.stdout
    as_json = await service.run("dead-letters", "list", "--refused", "--json")
    assert json.loads(as_json.stdout)["reason"] == "json"


async def test_a_test_event_tells_the_destinations_answer(service: Service) -> None:
    assert (await service.run("test-event", "--output", "webhook")).stdout == "webhook: delivered.\n"
    service.endpoint.behaviour = refuse
    refused = await service.run("test-event", "--output", "webhook")
    assert (refused.returncode, refused.stderr) == (1, "webhook: not delivered: HTTP 418: short and stout\n")


async def refuse(body: bytes) -> web.Response:
    return web.Response(status=418, text="short and stout")


async def be_away(body: bytes) -> web.Response:
    return web.Response(status=503)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["replay", "--output", "nobody", "--since", "1h"], "'nobody' is not on; on are: prometheus, webhook"),
        (["replay", "--output", "webhook", "--since", "soon"], "is no point in time: write a duration such as 2h"),
        (["replay", "--output", "webhook", "--since", "1h", "--filter", "rule ="], "^"),
        (["dead-letters", "replay", "--output", "webhook"], "name the ids, or say --all"),
        (["dead-letters", "drop", "--output", "webhook", ""], "0 dead letters of this output have an id"),
        (
            ["dead-letters", "list", "--output", "webhok"],
            "no output is called 'webhok'; there are: prometheus, webhook",
        ),
        (["dead-letters", "replay", "--output", "webhok", "--all"], "no output is called 'webhok'"),
        (["events"], "'store' is not on; on are: prometheus, webhook"),
    ],
)
async def test_a_mistake_is_named(service: Service, words: list[str], says: str) -> None:
    failed = await service.run(*words)
    assert failed.returncode == 2
    assert says in failed.stderr
    assert failed.stderr.startswith("Usage: "), "no progress is shown of what is not done"


SIDEKICK = (sys.executable, "-m", "sidekick")


@pytest.mark.parametrize("command", ["journal check", "journal export", "dead-letters drop", "dead-letters show"])
def test_the_help_of_a_command_needs_no_configuration(tmp_path: Path, command: str) -> None:
    helped = said(*SIDEKICK, "-c", "missing.yaml", *command.split(), "--help", home=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith(f"Usage: sidekick {command}")


def test_a_replay_without_a_journal_is_refused_in_a_line(tmp_path: Path) -> None:
    refused = said(*SIDEKICK, "replay", "--output", "prometheus", "--since", "1h", home=tmp_path)
    assert (refused.returncode, refused.stderr) == (1, "there is no journal in data/journal\n")


@pytest.mark.parametrize("command", ["run", "dead-letters list --refused"])
def test_a_folder_that_is_none_is_told_in_a_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "data").touch()
    refused = said(*SIDEKICK, *command.split(), home=tmp_path)
    assert refused.returncode == 1
    assert "Not a directory" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_what_is_dropped_for_an_output_that_is_none_is_a_mistake_and_leaves_no_file(tmp_path: Path) -> None:
    dropped = said(*SIDEKICK, "dead-letters", "drop", "--output", "nobody", "--all", home=tmp_path)
    assert (dropped.returncode, dropped.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert "no output is called 'nobody'; there are: prometheus" in dropped.stderr


def test_letters_of_an_output_that_is_gone_can_be_listed_and_dropped(tmp_path: Path) -> None:
    letter = {"id": "3f", "at": "2026-05-06T07:08:09.000+00:00", "reason": "no", "event": {"uuid": "3f"}}
    (tmp_path / "data/dead-letters").mkdir(parents=True)
    (tmp_path / "data/dead-letters/slack.old.jsonl").write_text(json.dumps(letter) + "\n")
    listed = said(*SIDEKICK, "dead-letters", "list", "--output", "slack.old", "--json", home=tmp_path)
    assert json.loads(listed.stdout)["id"] == "3f"
    dropped = said(*SIDEKICK, "dead-letters", "drop", "--output", "slack.old", "--all", home=tmp_path)
    assert (dropped.returncode, dropped.stdout) == (0, "1 dropped.\n")
