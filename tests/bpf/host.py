"""The blocker as a user runs it on a host: the command, in that host's namespace."""

import json
import socket
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from bpf.__main__ import main
from tests.bpf.wire import Wire, inside
from tests.deadline import wait_for

COMMAND = str(Path(sys.executable).with_name("sidekick-xdp"))
# The wire's addresses are documentation ranges, which are not globally routable.
INCLUDE = ("--include", "192.0.2.0/24", "--include", "203.0.113.0/24", "--include", "2001:db8:1::/48")


class Host:
    """Without a wire it is this machine, only to try on.

    Its files are under `home`, its pins on the bpffs `pins`; `prefix` runs a command (setpriv, say).
    """

    def __init__(self, wire: Wire | None, pins: Path, home: Path) -> None:
        self._wire = wire
        self.pins = pins / "sidekick"
        self.home = home
        self.socket = home / "run/socket"

    def command(self, *arguments: str | Path, prefix: tuple[str, ...] = ()) -> list[str]:
        words = (*prefix, COMMAND, *self._places(), *arguments)
        return self._wire.command(self._wire.host, *words) if self._wire else list(map(str, words))

    @property
    def wire(self) -> Wire:
        assert self._wire
        return self._wire

    def _places(self) -> list[str]:
        return ["--pins", str(self.pins), "--run", str(self.home / "run"), "--state", str(self.home / "state")]

    def run(self, *arguments: str | Path, code: int = 0, stdin: str = "") -> str:
        """What the command printed, on both streams; it must end with `code`. In this process, which is quicker."""
        words = [*self._places(), *map(str, arguments)]
        # A thread of its own: the caller may run an event loop, and a thread's namespace is its own.
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(self._invoke, words, stdin).result()
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.output

    def _invoke(self, words: list[str], stdin: str) -> Result:
        with inside(self._wire.host) if self._wire else nullcontext():
            return CliRunner().invoke(main, words, input=stdin, prog_name="sidekick-xdp")

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self.run("--json", *arguments, code=code).splitlines()[-1])

    @contextmanager
    def serving(self, *arguments: str | Path, prefix: tuple[str, ...] = ()) -> Generator[subprocess.Popen[bytes]]:
        """The daemon, answering; killed at the end if the test did not do so."""
        command = self.command("serve", *INCLUDE, *arguments, prefix=prefix)
        with subprocess.Popen(command, stderr=subprocess.PIPE) as daemon:
            try:
                wait_for(lambda: daemon.poll() is not None or self.answers(), what="a daemon")
                assert daemon.poll() is None, daemon.stderr and daemon.stderr.read()
                yield daemon
            finally:
                daemon.terminate()
                _, errors = daemon.communicate(timeout=20)
                assert b"Traceback" not in errors, errors.decode()

    def answers(self) -> bool:
        with closing(socket.socket(socket.AF_UNIX)) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def refused(self) -> dict[str, int]:
        return {code: count for code, count in self.json("stats")["refused"].items() if count}
