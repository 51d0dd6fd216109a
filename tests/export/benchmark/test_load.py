"""The load generator notices incomplete and wrong answers; waiting times are summarised."""

import pytest

from export.benchmark.load import complete_body, drive
from export.benchmark.serving import Sample, wait_note


def test_a_response_is_complete_or_not() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"
    assert complete_body(bytearray(head + b"abc")) == b"abc"
    assert complete_body(bytearray(chunked + b"0\r\n\r\n")) == b"3\r\nabc\r\n0\r\n\r\n"
    for part in (head[:-2], head, head + b"ab", chunked):
        assert complete_body(bytearray(part)) is None
    with pytest.raises(ConnectionError, match="503"):
        complete_body(bytearray(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))


def test_no_tasks_take_no_time() -> None:
    assert drive(("127.0.0.1", 1), []).waits == []


def test_waiting_times_are_summarised() -> None:
    note = wait_note("target", [Sample(100, 50, [1.0] * 95 + [9.0] * 5)])
    assert note == (
        "target: 10,000 requests per second; waiting time 1.0 ms (p50) and 9.0 ms (p99), a ratio of 9.0."
    )
