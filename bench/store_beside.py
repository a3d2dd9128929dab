"""What the store and its readers cost everybody else: `python -m bench.store_beside`.

The whole service runs without the store, with it, and with it while somebody asks a question that no index helps with,
over and over. The cost of accepting is that of the thread that accepts, in µs an alert: at full speed, where the store
falls behind and reads the files, and at 1,000 alerts a second. The latencies are a sender's at that pace, and those of
a webhook at 200. Rounds turn about, for the noise.
"""

import argparse
import os
import socket
import tempfile
import threading
import urllib.parse
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from bench.accept import CONNECTIONS, RATE, cost
from bench.accept import latency as accept_latency
from bench.delivery import CORES, Destination, latency, running, waiting
from bench.store import NO_LIMITS, load
from bench.store_events import made
from tests.deadline import wait_for
from tests.faults.sidekick import Sidekick
from tests.services.server import free_ports

ROUNDS = 3
PACED = 6 * RATE
DELIVERED = 2000
PACE = 200.0
QUESTION = urllib.parse.urlencode({"filter": "proc.cmdline contains what-nobody-ran"})


class Reader(threading.Thread):
    """Asks for what is nowhere, which the store may look for as long as a query may take."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._url = f"http://127.0.0.1:{port}/api/events?{QUESTION}"
        self._ended = threading.Event()
        self.answers = 0

    def run(self) -> None:
        while not self._ended.is_set():
            with urllib.request.urlopen(self._url, timeout=30) as answer:
                answer.read()
            self.answers += 1

    def end(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def asking(port: int) -> Generator[None]:
    reader = Reader(port)
    reader.start()
    yield
    reader.end()
    print(f"    {reader.answers} answers meanwhile")


def measure(sidekick: Sidekick, destination: Destination, alerts: int, outputs: Sequence[str]) -> tuple[float, ...]:
    connections = [socket.create_connection(("127.0.0.1", sidekick.port)) for _ in range(CONNECTIONS)]
    # The main thread's id is the process's: its entry there counts no other thread.
    thread = f"{sidekick.pid}/task/{sidekick.pid}"
    try:
        cost(thread, connections, alerts // 10)
        cpu, _ = cost(thread, connections, alerts)
        for output in outputs:
            wait_for(lambda output=output: waiting(sidekick, output) == 0, within=120)
        before = on_core(thread)
        accepting = accept_latency(connections[0], PACED)
        paced = (on_core(thread) - before) / PACED / 1e3
    finally:
        for connection in connections:
            connection.close()
    return cpu, paced, *accepting, *latency(sidekick, destination, DELIVERED, PACE)


def on_core(thread: str) -> int:
    """Nanoseconds that a thread has run, more finely than the clock's ticks tell."""
    return int(Path(f"/proc/{thread}/schedstat").read_text().split()[0])


class Row(NamedTuple):
    title: str
    stored: bool
    asked: bool


ROWS = (
    Row("without the store", stored=False, asked=False),
    Row("with the store", stored=True, asked=False),
    Row("a query running", stored=True, asked=True),
)


def show(row: Row, path: Path, alerts: int) -> None:
    destination, port = Destination(), free_ports(1)
    settings: dict[str, Any] = {"webhook": {"address": destination.url, "filter": "test.number exists"}}
    if row.stored:
        settings |= {"store": {"path": str(path)}, "api": {"enabled": True, "port": port}}
    with running(**settings) as sidekick, asking(port) if row.asked else nullcontext():
        cpu, paced, *waits = measure(sidekick, destination, alerts, list(settings.keys() - {"api"}))
    destination.shutdown()
    print(f"{row.title:20}{cpu:8.1f}{paced:8.1f}" + "".join(f"{wait:10.0f}" for wait in waits[:2]), end="")
    print("".join(f"{wait:10.2f}" for wait in waits[2:]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, default=500_000, help="alerts in the store before")
    parser.add_argument("--alerts", type=int, default=50_000, help="alerts to measure the cost by")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, CORES - {max(CORES)} or CORES)
    with tempfile.TemporaryDirectory() as home:
        path = Path(home, "events.sqlite")
        load(path, islice(made(arguments.stored), arguments.stored), NO_LIMITS)
        print(f"{'':20}{'CPU µs':>8}{'paced':>8}{'p50 µs':>10}{'p99 µs':>10}{'p50 ms':>10}{'p99 ms':>10}")
        for _ in range(ROUNDS):
            for row in ROWS:
                show(row, path, arguments.alerts)


if __name__ == "__main__":
    main()
