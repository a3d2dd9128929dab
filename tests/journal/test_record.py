"""Whatever the bytes of a file, every record that is read from it was once encoded, whole and as it is."""

import ctypes
import mmap
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidekick.journal.record import MAGIC, Damage, Found, Record, Scanner, encode

PAYLOADS = st.lists(st.binary(max_size=60) | st.just(MAGIC * 3), min_size=1, max_size=12)


def records_of(payloads: list[bytes]) -> list[Record]:
    return [Record(100 + index, 10**18 + index, payload) for index, payload in enumerate(payloads)]


def boundaries(records: list[Record]) -> list[int]:
    ends = [0]
    for record in records:
        ends.append(ends[-1] + len(encode([record])))
    return ends


def behind(seq: int) -> Callable[[Record], bool]:
    return lambda record: record.seq > seq


@contextmanager
def scanner(data: bytes, chunk: int) -> Generator[Scanner]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield Scanner(file.fileno(), len(data), chunk)


def walk(data: bytes, chunk: int = 64) -> tuple[list[Record], list[Damage]]:
    with scanner(data, chunk) as found:
        items = list(found.walk(0))
    at = 0
    for item in items:
        assert item.start == at
        at = item.end
    assert at == len(data)
    return [item.record for item in items if isinstance(item, Found)], [i for i in items if isinstance(i, Damage)]


@given(payloads=PAYLOADS, chunk=st.integers(1, 500))
def test_what_was_encoded_is_read(payloads: list[bytes], chunk: int) -> None:
    records = records_of(payloads)
    assert walk(encode(records), chunk) == (records, [])


@given(data=st.binary(max_size=500), chunk=st.integers(1, 100))
def test_any_bytes_are_read_without_a_record(data: bytes, chunk: int) -> None:
    records, _ = walk(data, chunk)
    assert records == []


@given(payloads=PAYLOADS, at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), chunk=st.integers(1, 500))
def test_a_changed_byte_costs_its_record_only(payloads: list[bytes], at: float, flip: int, chunk: int) -> None:
    records = records_of(payloads)
    data = bytearray(encode(records))
    place = int(at * len(data))
    data[place] ^= flip
    hit = next(index for index, end in enumerate(boundaries(records)[1:]) if place < end)
    found, damage = walk(bytes(data), chunk)
    assert found == records[:hit] + records[hit + 1 :]
    assert len(damage) == 1


@given(payloads=PAYLOADS, garbage=st.binary(min_size=1, max_size=300), at=st.floats(0, 1), chunk=st.integers(1, 500))
def test_bytes_between_records_cost_none(payloads: list[bytes], garbage: bytes, at: float, chunk: int) -> None:
    records = records_of(payloads)
    place = boundaries(records)[round(at * len(records))]
    data = encode(records)
    found, damage = walk(data[:place] + garbage + data[place:], chunk)
    assert found == records
    assert [stretch.end - stretch.start for stretch in damage] == [len(garbage)]


@given(payloads=PAYLOADS, cut=st.floats(0, 1), chunk=st.integers(1, 500))
def test_the_last_whole_record_is_found_from_the_end(payloads: list[bytes], cut: float, chunk: int) -> None:
    records = records_of(payloads)
    size = round(cut * len(encode(records)))
    whole = sum(end <= size for end in boundaries(records)[1:])
    with scanner(encode(records)[:size], chunk) as found:
        last = found.last(0)
    assert (last.record if last else None) == (records[whole - 1] if whole else None)


@given(payloads=PAYLOADS, zeros=st.integers(0, 300), chunk=st.integers(1, 500))
def test_zeros_behind_the_last_record_are_no_record(payloads: list[bytes], zeros: int, chunk: int) -> None:
    records = records_of(payloads)
    data = encode(records)
    with scanner(data + bytes(zeros), chunk) as found:
        last = found.last(0)
    assert last is not None
    assert (last.record, last.end) == (records[-1], len(data))


@pytest.mark.parametrize("size", [0, 740, 30_000])
def test_a_record_is_found_by_its_number_near_to_where_it_lies(size: int) -> None:
    records = records_of([os.urandom(size) for _ in range(200)])
    ends = boundaries(records)
    with scanner(encode(records), 4096) as found:
        for index in range(0, 200, 7):
            offset = found.seek(behind(records[index].seq), 0)
            assert offset in ends
            assert ends[index] - 64_000 < offset <= ends[index]


def test_a_record_is_found_by_its_number_among_damage() -> None:
    records = records_of([b"%03d" % index * 300 for index in range(200)])
    data = bytearray(encode(records))
    lost = set(range(30, 60)) | {100, 199}
    for index in lost:
        data[boundaries(records)[index] + 40] ^= 1
    with scanner(bytes(data), 4096) as found:
        for wanted in records:
            rest = [item.record for item in found.walk(found.seek(behind(wanted.seq), 0)) if isinstance(item, Found)]
            assert [record for record in rest if record.seq >= wanted.seq] == [
                record for record in records if record.seq >= wanted.seq and record.seq - 100 not in lost
            ]


@given(payloads=PAYLOADS, wanted=st.integers(0, 11), garbage=st.binary(max_size=60))
def test_a_record_is_found_by_the_beginning_of_its_payload(payloads: list[bytes], wanted: int, garbage: bytes) -> None:
    records = records_of(payloads)
    beginning = payloads[wanted % len(payloads)] or MAGIC
    with scanner(garbage + encode(records), 64) as found:
        record = found.find(beginning, 0)
    assert record == next((one for one in records if one.payload.startswith(beginning)), None)


@pytest.mark.timeout(10)
def test_a_file_that_was_cut_while_it_is_open_has_an_end() -> None:
    records = records_of([b"one", b"two"])
    with tempfile.TemporaryFile() as file:
        file.write(encode(records))
        file.flush()
        found = Scanner(file.fileno(), 1 << 40)
        *items, rest = found.walk(0)
        assert [item.record for item in items if isinstance(item, Found)] == records
        assert rest == Damage(boundaries(records)[-1], 1 << 40)
        assert found.find(b"three", 0) is None


def test_a_block_that_the_disk_does_not_give_costs_its_records_only() -> None:
    records = records_of([b"%d" % number * 100 for number in range(10, 70)])
    size = len(encode(records))
    with memory_with_a_hole(encode(records), 4096) as (fd, start):
        with pytest.raises(OSError, match="Input/output"):
            list(Scanner(fd, start + size).walk(start))
        items = list(Scanner(fd, start + size, salvage=True).walk(start))
        last = Scanner(fd, start + 8192, salvage=True).last(start)
        behind = Scanner(fd, start + size, salvage=True)
        assert [found.record for found in [behind.last(start)] if found] == records[-1:]
        assert behind.lost == start + 8192
    ends = boundaries(records)
    readable = [one for one, begin, end in zip(records, ends, ends[1:], strict=False) if end <= 4096 or begin >= 8192]
    assert [item.record for item in items if isinstance(item, Found)] == readable
    assert last
    assert last.record == [one for one, end in zip(records, ends[1:], strict=True) if end <= 4096][-1]
    [lost] = [item for item in items if isinstance(item, Damage)]
    assert lost.start <= start + 4096 < start + 8192 <= lost.end


@contextmanager
def memory_with_a_hole(data: bytes, at: int) -> Generator[tuple[int, int]]:
    """Those bytes, and where they begin, in a file in which one page of them is an error to read: our own memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    start = libc.mmap(None, len(data), mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    ctypes.memmove(start, data, len(data))
    libc.munmap(ctypes.c_void_p(start + at), ctypes.c_size_t(4096))
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        yield memory.fileno(), start
    libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(at))
    libc.munmap(ctypes.c_void_p(start + at + 4096), ctypes.c_size_t(len(data) - at - 4096))
