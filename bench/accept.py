"""Cost of accepting one alert: `python -m bench.accept` runs the receiver side by side with what it could have been.

Each server is a process of its own, pinned to one core where there are two, the sender to the other. CPU is the
server's, user and system, over alerts sent in rounds on 16 connections; latency is seen by one sender of 1,000 alerts a
second, from the moment that an alert was due to its answer.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bench.acceptors import SERVERS

CONNECTIONS = 16
RATE = 1000
ALERT = (
    b'{"hostname":"node-1","output":"13:44:05.478445995: Critical A shell was spawned in a container with an attached '
    b"terminal (user=root user_loginuid=-1 k8s.ns=default k8s.pod=kubecon container=ee97d9c4186f shell=sh parent=runc "
    b'cmdline=sh -c clear terminal=34816)","output_fields":{"container.id":"ee97d9c4186f","container.image.repository":'
    b'"docker.io/library/alpine","evt.time":1685022245478445995,"k8s.ns.name":"default","k8s.pod.name":"kubecon",'
    b'"proc.cmdline":"sh -c clear","proc.name":"sh","proc.pname":"runc","proc.tty":34816,"user.loginuid":-1,'
    b'"user.name":"root"},"priority":"Critical","rule":"Terminal shell in container","source":"syscall","tags":'
    b'["container","mitre_execution","shell"],"time":"2023-05-25T13:44:05.478445995Z"}'
)
REQUEST = b"POST /falco HTTP/1.1\r\nHost: x\r\nUser-Agent: falcosecurity/falco\r\nAccept: */*\r\n"
REQUEST += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ALERT) + ALERT


@contextmanager
def served(name: str) -> Generator[tuple[int, list[socket.socket]]]:
    """The server's process id, and connections to it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([sys.executable, "-m", "bench.acceptors", name, str(port)]) as process:
        try:
            if len(os.sched_getaffinity(0)) > 1:
                os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
            yield process.pid, [_connect(port) for _ in range(CONNECTIONS)]
        finally:
            process.terminate()


def _connect(port: int) -> socket.socket:
    end = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


def cpu_seconds(pid: int | str) -> float:
    """User and system time so far, of a process, or of one thread by `pid/task/tid`."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answered(connection: socket.socket) -> None:
    if not connection.recv(4096).startswith(b"HTTP/1.1 200 "):
        raise RuntimeError("an alert was not accepted")


def cost(pid: int | str, connections: list[socket.socket], alerts: int) -> tuple[float, float]:
    """Microseconds of the server's CPU an alert, and alerts a second."""
    before, start = cpu_seconds(pid), time.perf_counter()
    for _ in range(alerts // len(connections)):
        for connection in connections:
            connection.sendall(REQUEST)
        for connection in connections:
            _answered(connection)
    return (cpu_seconds(pid) - before) / alerts * 1e6, alerts / (time.perf_counter() - start)


def latency(connection: socket.socket, alerts: int) -> tuple[float, float]:
    """Median and 99th percentile, in microseconds."""
    waits: list[float] = []
    start = time.perf_counter()
    for number in range(alerts):
        due = start + number / RATE
        while (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        connection.sendall(REQUEST)
        _answered(connection)
        waits.append(time.perf_counter() - due)
    waits.sort()
    return waits[alerts // 2] * 1e6, waits[alerts * 99 // 100] * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=100_000, help="alerts to measure the cost by")
    arguments = parser.parse_args()
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{'':34}{'CPU µs':>8}{'alerts/s':>10}{'p50 µs':>9}{'p99 µs':>9}")
    for name in SERVERS:
        with served(name) as (pid, connections):
            cost(pid, connections, arguments.alerts // 20)
            cpu, rate = cost(pid, connections, arguments.alerts)
            median, tail = latency(connections[0], 3 * RATE)
            for connection in connections:
                connection.close()
        print(f"{name:34}{cpu:8.1f}{rate:10.0f}{median:9.0f}{tail:9.0f}")


if __name__ == "__main__":
    main()
