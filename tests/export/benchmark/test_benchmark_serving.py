"""The benchmark of serving runs, and says what it should; its clients see what is wrong with an answer."""

import math
from pathlib import Path

import pytest

from export.benchmark import serving
from export.benchmark.load import drive, whole_body
from export.benchmark.options import Options
from export.benchmark.servers import served
from export.benchmark.serving import ALONE, BARE, BESIDE, QUEUE, Sample, measure, waits_told
from export.errors import ExportError


def test_every_door_is_measured() -> None:
    report = measure(Options(rounds=1, quick=True))
    assert report.part == "serving"
    assert report.machine["libraries"]["uvicorn"]
    by_task: dict[str, list[str]] = {}
    for row in report.rows:
        by_task.setdefault(row.task, []).append(row.contestant)
        for spread in (row.cost, row.ratio):
            if spread is not None:
                assert all(
                    math.isfinite(each) and each > 0 for each in (spread.low, spread.median, spread.high)
                )
    single, least, together = (
        "32 clients, a picture a request",
        "32 clients, a picture a request, against the least",
        "256 pictures in a request",
    )
    assert by_task[single] == [QUEUE, BESIDE, ALONE, BARE]
    assert by_task[least] == [BESIDE, ALONE, BARE]
    assert by_task[together] == [QUEUE, BESIDE, ALONE]
    goals = {(row.task, row.contestant): row.goal for row in report.rows if row.goal is not None}
    assert goals == {
        (single, BESIDE): 20,
        (single, ALONE): 20,
        (least, BESIDE): 0.8,
        (least, ALONE): 0.8,
    }
    assert [note.partition(":")[0] for note in report.notes[1:]] == [QUEUE, BESIDE, ALONE, BARE]


def test_the_tail_is_told() -> None:
    steady, ragged = Sample(100, 50, [1.0] * 100), Sample(100, 50, [1.0] * 95 + [9.0] * 5)
    (one,), (other,) = (waits_told({"door": [sample]}) for sample in (steady, ragged))
    assert "door: 10,000 requests a second" in one
    assert "within 5 times" in one
    assert "9.0 ms (p99), which is more than 5 times" in other


def test_a_response_is_whole_or_not() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"
    assert whole_body(bytearray(head + b"abc")) == b"abc"
    assert whole_body(bytearray(chunked + b"0\r\n\r\n")) == b"3\r\nabc\r\n0\r\n\r\n"
    for part in (head[:-2], head, head + b"ab", chunked):
        assert whole_body(bytearray(part)) is None
    with pytest.raises(ConnectionError, match="503"):
        whole_body(bytearray(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))


def test_no_tasks_take_no_time() -> None:
    assert drive(("127.0.0.1", 1), []).waits == []


def test_a_server_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(ExportError, match="did not start"),
        served([*serving.demo_command(tmp_path), "--api-only"]),
    ):
        pass
