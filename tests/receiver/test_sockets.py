"""Where the receiver listens: addresses, errors for the user, and sockets that systemd keeps."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from sidekick.receiver import ListenError, ListenSettings, notify
from sidekick.receiver.sockets import activated, listen
from tests.deadline import wait_for
from tests.receiver.client import post

SERVICE = textwrap.dedent(
    """
    import asyncio, signal
    from sidekick.event import decode
    from sidekick.receiver import ListenSettings, Receiver, RefusedLog, Service, notify

    def accept(body, done, sender):
        decode(body)
        done(None)

    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        receiver = Receiver(ListenSettings(), Service(accept, RefusedLog(), lambda: (True, {}), lambda: b""))
        await receiver.start()
        notify("READY=1")
        await stop.wait()
        await receiver.close()

    asyncio.run(main())
    """
)


def ask(address: tuple[str, int] | str, family: socket.AddressFamily = socket.AF_INET) -> bytes:
    with socket.socket(family) as connection:
        connection.settimeout(20)
        connection.connect(address)
        connection.sendall(post())
        return connection.recv(4096)


def test_every_address_means_ipv4_and_ipv6() -> None:
    with listen("", 0) as listening:
        port = listening.getsockname()[1]
        for address, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            with socket.socket(family) as connection:
                connection.connect((address, port))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_one_line(address: str) -> None:
    with listen(address, 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ListenError) as error:
            listen(address, port)
    shown = f"[{address}]" if ":" in address else address
    assert str(error.value) == f"cannot listen on {shown}:{port}: Address already in use"


@pytest.mark.parametrize("wrong", [{"listenaddress": "localhost"}, {"listenport": 65536}, {"listenport": "x"}])
def test_addresses_are_checked_as_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ListenSettings.model_validate(wrong)


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    assert activated({"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"}) == {}
    assert activated({}) == {}


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@sidekick-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1))
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")


def test_a_service_manager_that_is_gone_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("RELOADING=1\nMONOTONIC_USEC=1")
    assert "cannot be told RELOADING=1: [Errno 2] No such file" in caplog.text


HAND_OVER = textwrap.dedent(
    """
    import os, sys
    os.dup2(int(sys.argv[1]), 3)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[2]])
    """
)


@contextmanager
def service(listening: socket.socket, ready: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """A process that was handed the socket as file descriptor 3, as systemd does; yields when it says READY."""
    descriptor = listening.fileno()
    command = [sys.executable, "-c", HAND_OVER, str(descriptor), SERVICE]
    environment = os.environ | {"NOTIFY_SOCKET": ready.getsockname()}
    with subprocess.Popen(command, env=environment, pass_fds=[descriptor]) as process:
        try:
            assert ready.recv(100) == b"READY=1"
            yield process
        finally:
            process.kill()


def test_no_alert_is_refused_while_one_process_follows_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        address = listening.getsockname()
        ready.bind(str(tmp_path / "notify"))
        ready.settimeout(20)
        with service(listening, ready) as first:
            assert ask(address).startswith(b"HTTP/1.1 200 ")
            first.send_signal(signal.SIGTERM)
            assert first.wait(20) == 0
        with socket.create_connection(address) as between:
            between.settimeout(20)
            between.sendall(post())
            with service(listening, ready):
                assert between.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_systemd_socket_activate_starts_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    command = ["systemd-socket-activate", f"--listen={address[0]}:{address[1]}", sys.executable, "-c", SERVICE]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: listens(address), what="the socket")
            assert ask(address).startswith(b"HTTP/1.1 200 ")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def listens(address: tuple[str, int]) -> bool:
    """Whether the port is taken, which does not need a connection that the activation would count."""
    with socket.socket() as probe:
        try:
            probe.bind(address)
        except OSError:
            return True
    return False
