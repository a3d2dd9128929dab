"""`sidekick password`, as a person types one and as a script pipes one in."""

import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

from sidekick.control.access.password import check_hash, matches

COMMAND = (sys.executable, "-m", "sidekick", "password")


def typed(*lines: str) -> tuple[int, str]:
    """The exit code and all that the terminal showed."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(COMMAND[0], COMMAND)
    shown = b""
    for line in lines:
        asked = len(shown)
        while not shown[asked:].endswith((b"Password: ", b"confirmation: ")):  # what is typed before is thrown away
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{line}\n".encode())
    with suppress(OSError):  # a terminal whose process has ended
        while more := os.read(terminal, 1024):
            shown += more
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()


def piped(text: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*COMMAND, *words), input=text, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "lines", [("s3cret", "s3cret"), ("wrong", "s3cret", "s3cret", "s3cret")], ids=["at once", "in the end"]
)
def test_who_types_a_password_sees_its_hash_alone(lines: tuple[str, ...]) -> None:
    code, shown = typed(*lines)
    assert code == 0
    assert matches("s3cret", check_hash(shown.strip().splitlines()[-1]))
    assert "s3cret" not in shown


@pytest.mark.parametrize("text", ["s3cret", "s3cret\n", "s3cret\r\n", "s3cret\nmore\n"])
def test_a_script_pipes_it_in(text: str) -> None:
    done = piped(text)
    assert (done.returncode, done.stderr) == (0, "")
    assert matches("s3cret", check_hash(done.stdout.strip()))


@pytest.mark.parametrize("words", [(), ("--password", "")])
def test_an_empty_one_is_refused(words: tuple[str, ...]) -> None:
    done = piped("", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the password is empty" in done.stderr
