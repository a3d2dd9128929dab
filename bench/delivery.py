"""What an alert costs the whole service, accepted, journalled and delivered: `python -m bench.delivery`.

The service is the real one in a process of its own, the destinations are real servers beside it. CPU is the service's,
user and system, from the first alert until nothing waits any more.
"""

import argparse
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.accept import CONNECTIONS, cost, cpu_seconds
from tests.deadline import wait_for
from tests.faults.falco import body, number_of
from tests.faults.sidekick import Sidekick
from tests.services.kafka import Kafka
from tests.services.search import Elasticsearch

CORES = os.sched_getaffinity(0)
NOWHERE = "http://127.0.0.1:9/"  # the discard port, where nobody listens


@contextmanager
def running(**outputs: Any) -> Iterator[Sidekick]:
    """The service on the last core, where there are two, and all that serves it on the others."""
    with tempfile.TemporaryDirectory() as home, Sidekick(Path(home), **outputs) as sidekick:
        os.sched_setaffinity(sidekick.pid, {max(CORES)})
        yield sidekick


def post(sidekick: Sidekick, alerts: int) -> float:
    """Sends that many on 16 connections; gives the alerts a second that were accepted."""
    connections = [socket.create_connection(("127.0.0.1", sidekick.port)) for _ in range(CONNECTIONS)]
    try:
        return cost(sidekick.pid, connections, alerts)[1]
    finally:
        for connection in connections:
            connection.close()


def waiting(sidekick: Sidekick, output: str) -> float:
    return sidekick.metric("sidekick_output_lag_records", output=output)


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def whole_cost(alerts: int, output: str | None, **outputs: Any) -> float:
    """Microseconds of CPU an alert."""
    with running(**outputs) as sidekick:
        post(sidekick, alerts // 10)
        if output:
            wait_for(lambda: waiting(sidekick, output) == 0, within=120)
        before = cpu_seconds(sidekick.pid)
        post(sidekick, alerts)
        if output:
            wait_for(lambda: waiting(sidekick, output) == 0, within=300)
        return (cpu_seconds(sidekick.pid) - before) / alerts * 1e6


def costs(alerts: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        search, broker = Elasticsearch(Path(home, "elasticsearch")), Kafka(Path(home, "kafka"))
        with search, broker:
            rows: dict[str, dict[str, Any]] = {
                "accepted and journalled": {},
                "and to a file": {"file": {"path": f"{home}/events.jsonl"}},
                "and to Elasticsearch": {"elasticsearch": {"hostport": search.url, "suffix": "none"}},
                "and to Kafka": {"kafka": {"hostport": broker.address, "topic": "bench", "topiccreation": True}},
            }
            for title, outputs in rows.items():
                print(f"{title:34}{whole_cost(alerts, next(iter(outputs), None), **outputs):8.1f} µs of CPU an alert")


def backlog(alerts: int) -> None:
    """Memory with one destination down, and how soon the next start answers with all of that waiting."""
    with tempfile.TemporaryDirectory() as home:
        sidekick = Sidekick(Path(home), webhook={"address": NOWHERE})
        with sidekick:
            at_start = resident_mb(sidekick.pid)
            for _ in range(10):
                post(sidekick, alerts // 10)
            print(f"{alerts} alerts with a destination down: {resident_mb(sidekick.pid):.0f} MB resident", end="")
            print(f", {at_start:.0f} MB at start")
        size = sum(file.stat().st_size for file in Path(home, "journal").iterdir()) / 1e9
        begin = time.monotonic()
        empty = Sidekick(Path(home, "other"), webhook={"address": NOWHERE})
        with empty:
            without = time.monotonic() - begin
        begin = time.monotonic()
        with sidekick:
            print(f"start with {size:.2f} GB of backlog: {time.monotonic() - begin:.2f} s until it answers", end="")
            print(f", {without:.2f} s with none; {resident_mb(sidekick.pid):.0f} MB resident")


class Destination(ThreadingHTTPServer):
    """Notes when each alert arrives; or, told to hang, never answers."""

    daemon_threads = True

    def __init__(self, *, hangs: bool = False) -> None:
        self.arrived: dict[int, float] = {}
        self.hangs = hangs
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Destination

    def do_POST(self) -> None:
        alert = self.rfile.read(int(self.headers["content-length"]))
        if self.server.hangs:
            threading.Event().wait()
        number = number_of(alert)
        if number is not None:
            self.server.arrived.setdefault(number, time.perf_counter())
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def latency(sidekick: Sidekick, destination: Destination, alerts: int, pace: float) -> tuple[float, float]:
    """Milliseconds from sending an alert to its arrival at the destination: median and 99th percentile."""
    sent: dict[int, float] = {}
    with socket.create_connection(("127.0.0.1", sidekick.port)) as connection:
        start = time.perf_counter()
        for number in range(alerts):
            time.sleep(max(0.0, start + number / pace - time.perf_counter()))
            alert = body(number)
            sent[number] = time.perf_counter()
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(alert), alert))
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    wait_for(lambda: len(destination.arrived) >= alerts)
    waits = sorted((destination.arrived[number] - moment) * 1e3 for number, moment in sent.items())
    return waits[alerts // 2], waits[alerts * 99 // 100]


def isolation(alerts: int, pace: float = 200.0) -> None:
    """The good destination's latency alone, and beside one that hangs; several rounds, turn about, for the noise."""
    for _ in range(3):
        for title, hangs in (("alone", False), ("beside one that hangs", True)):
            good, hung = Destination(), Destination(hangs=True)
            outputs: dict[str, Any] = {"webhook": {"address": good.url}}
            if hangs:
                outputs["webhook.hung"] = {"address": hung.url}
            with running(**outputs) as sidekick:
                median, tail = latency(sidekick, good, alerts, pace)
            print(f"a webhook {title:24}p50 {median:6.2f} ms   p99 {tail:6.2f} ms")
            good.shutdown()
            hung.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=100_000, help="alerts to measure a cost by")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="alerts that wait while memory is measured")
    parser.add_argument("parts", nargs="*", default=["costs", "backlog", "isolation"])
    arguments = parser.parse_args()
    os.sched_setaffinity(0, CORES - {max(CORES)} or CORES)
    if "costs" in arguments.parts:
        costs(arguments.alerts)
    if "backlog" in arguments.parts:
        backlog(arguments.backlog)
    if "isolation" in arguments.parts:
        isolation(2000)


if __name__ == "__main__":
    main()
