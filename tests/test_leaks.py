"""The watch over leaks sees each kind of them, and nothing where there is none."""

import pytest

TESTS = """
import asyncio, socket, threading
from tests.leaks import no_task_left, nothing_left_open
kept, asked = [], threading.Event()

async def test_leaks_a_task(): kept.append(asyncio.create_task(asyncio.sleep(60)))
def test_leaks_a_socket(): kept.append(socket.socket())
def test_leaks_a_file(): kept.append(open(__file__))
def test_leaks_a_thread(): threading.Thread(target=asked.wait, daemon=True).start()

async def test_awaits_a_task(): await asyncio.create_task(asyncio.sleep(0))
async def test_awaits_a_thread(): await asyncio.to_thread(int)
async def test_closes_a_server(): (await asyncio.start_server(print, "127.0.0.1", 0)).close()
def test_closes_a_file(): open(__file__).close()
"""


def test_what_leaks_fails_and_what_cleans_up_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    # In a process of its own, so that what leaks ends with it.
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-o", "asyncio_mode=auto")
    result.assert_outcomes(passed=8, errors=4)
    said = ["*left running: *sleep()*", "*left open: *socket:*", "*left open: *.py*", "*left open: thread *"]
    result.stdout.fnmatch_lines([f"E *Failed: {line}" for line in said])
