"""When a configuration is loaded anew: no change of a file goes unseen, whenever it comes."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from sidekick.receiver import TlsError
from sidekick.reload import OutputsError, Reload
from sidekick.settings import Configuration, load
from sidekick.settings.watch import Mark, mark_of
from tests.deadline import until


class Service:
    """What a reload changes: it keeps what it is given, once `obstacle` is passed. Custom fields name certificates."""

    def __init__(self, file: Path, obstacle: Callable[[], None] = lambda: None) -> None:
        self.taken: list[Configuration] = []
        self.read: Callable[[], None] = lambda: None
        """Called when a file has been read."""
        self._obstacle = obstacle
        self._file = file
        self.reload = Reload(self._load(), self._load, self._take, self._files)

    def write(self, text: str) -> None:
        self._file.write_text(text)

    def _load(self) -> Configuration:
        configuration = load(self._file, {})
        self.read()
        return configuration

    async def _take(self, new: Configuration, changed: set[Path]) -> None:
        self._obstacle()
        self.taken.append(new)

    def _files(self, configuration: Configuration) -> dict[Path, Mark]:
        named = map(Path, configuration.customfields.values())
        return {file: mark_of(file) for file in named} | {**configuration.files}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("customtags: [one]")
    return path


async def test_a_change_before_the_watch_begins_is_seen(file: Path) -> None:
    service = Service(file)
    service.write("customtags: [another]")
    async with service.reload.running():
        await until(lambda: service.taken)
    assert service.taken[0].customtags == ("another",)


async def test_a_file_that_is_missing_is_awaited(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    service = Service(file)
    service.write(f"slack: {{webhookurl: 'file:{secret}'}}")
    async with service.reload.running():
        await until(lambda: "cannot be read" in service.reload.problem)
        secret.write_text("http://127.0.0.1/")
        await until(lambda: service.taken)
    assert (service.reload.problem, service.reload.counts) == ("", {"refused": 1, "taken": 1})


async def test_a_file_that_is_named_anew_may_change_while_it_is_taken(file: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "new.crt"
    certificate.write_text("old")

    def change() -> None:
        if not service.taken:
            certificate.write_text("newer")

    service = Service(file, change)
    service.write(f"customfields: {{certificate: {certificate}}}")
    async with service.reload.running():
        await until(lambda: len(service.taken) == 2)


async def test_what_is_read_while_it_is_written_is_not_taken(file: Path) -> None:
    def write_the_rest() -> None:
        service.read = lambda: None
        service.write("customtags: [half, whole]")

    service = Service(file)
    service.read = write_the_rest
    service.write("customtags: [half]")
    async with service.reload.running():
        service.reload.ask()
        await until(lambda: service.taken)
    assert [one.customtags for one in service.taken] == [("half", "whole")]


async def test_what_is_never_read_as_a_whole_is_refused_until_it_is(file: Path) -> None:
    numbers = count(1)

    def write_more() -> None:
        service.write("customtags: [half]" + "\n" * next(numbers))

    service = Service(file)
    service.read = write_more
    service.write("customtags: [half]")
    async with service.reload.running():
        service.reload.ask()
        await until(lambda: service.reload.problem or service.taken)
        assert "config.yaml: changed each time that it was read" in service.reload.problem
        service.read = lambda: None
        service.write("customtags: [whole]")
        await until(lambda: service.taken)
    assert [one.customtags for one in service.taken] == [("whole",)]


async def test_a_file_that_a_full_disk_has_emptied_changes_nothing(file: Path) -> None:
    service = Service(file)
    service.write("")
    async with service.reload.running():
        await until(lambda: service.reload.problem)
        assert "config.yaml: is empty now" in service.reload.problem
        assert not service.taken
        service.write("# nothing")
        await until(lambda: service.taken)
    assert service.taken[0].customtags == ()


async def test_what_was_refused_is_tried_again_when_a_file_that_it_names_has_changed(
    file: Path, tmp_path: Path
) -> None:
    certificate = tmp_path / "new.crt"

    def look() -> None:
        if not certificate.exists():
            raise TlsError("no certificate")

    service = Service(file, look)
    service.write(f"customfields: {{certificate: {certificate}}}")
    async with service.reload.running():
        await until(lambda: service.reload.problem == "no certificate")
        certificate.write_text("a certificate")
        await until(lambda: service.taken)


async def test_a_defect_of_an_output_is_in_the_log_alone(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise OutputsError({"slack": OSError(28, "No space left"), "webhook": ValueError("a secret")})

    service = Service(file, fail)
    service.write("customtags: [another]")
    async with service.reload.running():
        await until(lambda: service.reload.problem)
    assert service.reload.problem.splitlines()[1:] == ["slack: [Errno 28] No space left", "webhook: defect: ValueError"]
    assert "ValueError: a secret" in caplog.text
