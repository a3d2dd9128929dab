"""Fifty outputs on at once, beside none: `python -m bench.fifty` posts alerts in bursts and compares what is sent.

The service is the real one in a process of its own; the sender is another, and the destinations are HTTP servers,
sockets and files here, on loopback. Outputs that send one alert a request get the critical ones, as people set them up,
and all others get all. Afterwards the same alerts go through each output alone, and must arrive the same.
"""

import argparse
import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bench.accept import CONNECTIONS, cpu_seconds
from bench.delivery import resident_mb
from sidekick.journal import JournalReader
from sidekick.settings import load
from tests.crowd import Arrived, body, crowd, missing, one_by_one, takes_every_alert
from tests.faults.sidekick import Sidekick

BURST = 10_000
_REST = 1.0  # seconds between two bursts
_PATIENCE = 3600


def post(port: int, first: int, count: int) -> tuple[float, list[float]]:
    """A burst on 16 connections: the seconds it took, and each answer's own."""
    requests = [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(alert), alert)
        for alert in map(body, range(first, first + count))
    ]
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    waits: list[float] = []
    begin = time.perf_counter()
    for at in range(0, count, CONNECTIONS):
        sent: list[tuple[socket.socket, float]] = []
        for connection, request in zip(connections, requests[at : at + CONNECTIONS], strict=False):
            sent.append((connection, time.perf_counter()))
            connection.sendall(request)
        for connection, moment in sent:
            if not connection.recv(4096).startswith(b"HTTP/1.1 200 "):
                raise RuntimeError("an alert was not accepted")
            waits.append(time.perf_counter() - moment)
    took = time.perf_counter() - begin
    for connection in connections:
        connection.close()
    return took, waits


async def all_delivered(sidekick: Sidekick, outputs: Mapping[str, Any], alerts: int) -> None:
    """Asks seldom, for thousands of series are no small answer."""
    for _ in range(_PATIENCE):
        if not missing(sidekick.get("/metrics")[1].decode(), outputs, alerts):
            return
        await asyncio.sleep(1)
    raise TimeoutError(f"not all was delivered within {_PATIENCE} s")


async def largest(pid: int, found: list[float]) -> None:
    while True:
        found.append(resident_mb(pid))
        await asyncio.sleep(0.2)


async def burst_after_burst(title: str, home: Path, alerts: int, outputs: Mapping[str, Any]) -> Sidekick:
    """Posts all, waits until all is delivered, prints the figures; the service has ended then, and well."""
    sidekick = Sidekick(home, **outputs)
    await asyncio.to_thread(sidekick.start)
    memory: list[float] = []
    watch = asyncio.create_task(largest(sidekick.pid, memory))
    before, begin = cpu_seconds(sidekick.pid), time.perf_counter()
    seconds, waits = 0.0, list[float]()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as sender:
        for first in range(0, alerts, BURST):
            work = (post, sidekick.port, first, min(BURST, alerts - first))
            took, more = await asyncio.get_running_loop().run_in_executor(sender, *work)
            seconds, waits = seconds + took, waits + more
            await asyncio.sleep(_REST)
    await all_delivered(sidekick, outputs, alerts)
    cost = (cpu_seconds(sidekick.pid) - before) / alerts * 1e6
    whole = time.perf_counter() - begin
    watch.cancel()
    if await asyncio.to_thread(sidekick.end) != 0 or "Traceback" in sidekick.log:
        raise RuntimeError(f"the service did not end well:\n{sidekick.log[-2000:]}")
    tail = statistics.quantiles(waits, n=100)
    print(f"{title:14}{alerts / seconds:10.0f}{tail[49] * 1e3:9.2f}{tail[98] * 1e3:9.2f}", end="")
    print(f"{cost:12.0f}{memory[0]:10.0f}{max(memory):9.0f}{whole:10.0f}", flush=True)
    return sidekick


async def measure(alerts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with crowd(home) as destinations:
            outputs = destinations.settings
            every = sum(map(takes_every_alert, outputs))
            print(
                f"{len(outputs)} outputs: {every} get all of {alerts} alerts, {len(outputs) - every} the critical ones"
            )
            heads = f"{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>12}{'MB first':>10}{'MB most':>9}{'seconds':>10}"
            print(f"{'':14}{'alerts/s':>10}{heads}")
            await burst_after_burst("no output", home / "none", alerts, {})
            sidekick = await burst_after_burst("fifty outputs", home / "fifty", alerts, outputs)
            together = destinations.arrived()
            payloads = [record.payload for record in JournalReader(sidekick.home / "journal").records()]
            await one_by_one(load(sidekick.configuration, {}), payloads, home)
            compare(together, destinations.arrived())


def compare(together: Mapping[str, Arrived], alone: Mapping[str, Arrived]) -> None:
    different = [name for name in together if together[name] != alone[name]]
    parts = sum(arrived.parts for arrived in together.values())
    print(f"{parts} payloads of {len(together)} outputs, each output alone: ", end="")
    print(f"not the same: {', '.join(different)}" if different else "the same")
    if different:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=100_000, help="alerts to post, in bursts of 10,000")
    asyncio.run(measure(parser.parse_args().alerts))


if __name__ == "__main__":
    main()
