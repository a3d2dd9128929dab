"""Appends numbered payloads as fast as it can and prints each number once it is kept, until it is killed."""

import asyncio
import sys

from sidekick.journal import Journal, JournalSettings


async def write(path: str, fsync: str) -> None:
    settings = {"path": path, "fsync": fsync, "segment": 20_000, "memory": 1000}
    journal = Journal.open(JournalSettings.model_validate(settings))
    await journal.start()
    cursor = journal.cursor("reader")
    number = journal.next_seq
    while True:
        answered = asyncio.Event()
        for _ in range(10):
            journal.append([b"%d" % number], lambda error, number=number: print(number, error, flush=True))
            number += 1
        journal.append([], lambda error, answered=answered: answered.set())
        await answered.wait()
        await cursor.wait(number - 1)
        cursor.advance(max(0, number - 50))


asyncio.run(write(*sys.argv[1:]))
