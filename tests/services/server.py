"""What every real server of the tests has in common: a child process with a port and a data folder that outlive it."""

import os
import random
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.deadline import wait_for


class Server(ABC):
    """A real server on loopback: starts, stops and dies as often as a test likes, on the same port and the same data.

    Every call blocks for as long as the server needs: inside an event loop use `await asyncio.to_thread(server.stop)`.
    """

    ports = 1

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = free_ports(self.ports)
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The program in the foreground, so that its pid is the server's."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server does its work now; may raise OSError instead of saying no."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self._process, "the server has not been started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when the server answers; nothing happens if it is running."""
        if self.running:
            return
        with (self.home / "log").open("ab") as log:
            # A session of its own, or the terminal's Ctrl-C would end it before the tests have let go of it.
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                start_new_session=True,
            )
        try:
            wait_for(self._ready, within=90, what=f"{type(self).__name__} on {self.address} answers")
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends it in good order (SIGTERM). A server that is paused or hangs is killed after 30 s."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends it as the kernel or a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """From now on it accepts connections (the kernel does) and never answers, until `resume`."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _ready(self) -> bool:
        if not self.running:
            raise RuntimeError(f"{type(self).__name__} ended while it started:\n{self.log[-2000:]}")
        with suppress(OSError):
            return self.answers()
        return False


def free_ports(count: int) -> int:
    """The first of `count` free TCP ports in a row, below the range that the kernel gives to outgoing connections."""
    for first in random.SystemRandom().sample(range(20000, 32000), 100):
        with ExitStack() as held, suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise RuntimeError(f"no {count} free ports in a row")
