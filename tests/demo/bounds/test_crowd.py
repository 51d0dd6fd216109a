"""Many requests at once: each is answered or told to come again, and slow bodies keep nobody out."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

from demo.bounds.allowance import Allowance
from demo.bounds.crowd import ENDING, NO_ROOM, ROOM_AFTER, TOO_MANY, TOO_MUCH, TOO_SLOW, Bounds
from tests.support.small_server import LARGE, ask, begin, rest, send, small_server

HALF = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"


def until(text: str, connection: socket.socket) -> str:
    """What comes until a text has come, or the other end closes."""
    came = b""
    while text.encode() not in came and (part := connection.recv(4096)):
        came += part
    return came.decode()


def test_above_the_bound_a_request_is_told_when_to_come_again() -> None:
    with small_server(Bounds(requests=4)) as (address, crowd), ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, [address] * 12, ["slow"] * 12))
        refused = [each for each in answers if each.startswith("HTTP/1.1 503")]
        assert sum(each.endswith("slow") for each in answers) == 4
        assert len(refused) == 8
        assert all("\r\nretry-after: 2\r\n" in each and TOO_MANY in each for each in refused)
        assert ask(address, "quick").endswith("quick")
        assert (crowd.requests, crowd.streams) == (0, 0)


def test_slow_bodies_take_no_place_and_end_in_time() -> None:
    with small_server(Bounds(requests=2, pause=0.8)) as (address, crowd), ExitStack() as stack:
        slow = [stack.enter_context(closing(send(address, HALF))) for _ in range(10)]
        time.sleep(0.2)
        assert crowd.requests == 0
        assert ask(address, "length", b"abc").endswith("3")
        slow[0].sendall(b"def")
        time.sleep(0.1)
        slow[0].shutdown(1)
        assert rest(slow[0]).endswith("6")
        told = [rest(each) for each in slow[1:]]
        assert all(each.startswith("HTTP/1.1 408") and TOO_SLOW in each for each in told)


def test_a_body_that_drips_ends_in_time() -> None:
    with small_server(Bounds(body=0.8)) as (address, _), closing(send(address, HALF[:-3])) as connection:
        for _ in range(5):
            time.sleep(0.15)
            connection.sendall(b"a")
        assert rest(connection).startswith("HTTP/1.1 408")


def half(size: int) -> bytes:
    """A request with so much of its body, and a byte missing."""
    return b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (size + 1) + bytes(size)


def test_bodies_on_their_way_hold_so_much_together_and_no_more() -> None:
    with small_server(Bounds(held=100_000, small=0)) as (address, _), ExitStack() as stack:
        slow = [stack.enter_context(closing(send(address, half(40_000)))) for _ in range(2)]
        time.sleep(0.2)
        told = ask(address, "length", bytes(40_000))
        assert told.startswith("HTTP/1.1 503")
        assert "\r\nretry-after: 2\r\n" in told
        assert TOO_MUCH in told
        assert ask(address, "length", bytes(10_000)).endswith("10000")
        # Whoever gives up makes room, as does who is answered.
        slow.pop().close()
        slow[0].sendall(b"x")
        slow[0].shutdown(1)
        assert rest(slow[0]).endswith("40001")
        time.sleep(0.2)
        assert ask(address, "length", bytes(90_000)).endswith("90000")


def test_large_bodies_that_stall_keep_no_small_one_out() -> None:
    with small_server(Bounds(held=100_000, small=10_000)) as (address, _), ExitStack() as stack:
        slow = [stack.enter_context(closing(send(address, half(59_000)))) for _ in range(2)]
        time.sleep(0.2)
        assert ask(address, "length", bytes(20_000)).startswith("HTTP/1.1 503")
        assert ask(address, "length", bytes(9_000)).endswith("9000")
        slow[0].sendall(b"x")
        assert until("59001", slow[0]).endswith("59001")


def test_a_body_that_has_been_on_its_way_long_makes_room_for_others() -> None:
    with small_server(Bounds(held=100_000, small=0, settling=0.5)) as (address, crowd), ExitStack() as stack:
        first = stack.enter_context(closing(send(address, half(60_000))))
        time.sleep(0.7)
        second = stack.enter_context(closing(send(address, half(30_000))))
        time.sleep(0.2)
        assert len(crowd.sending) == 2
        assert ask(address, "length", bytes(40_000)).startswith("HTTP/1.1 503")
        told = until(TOO_MUCH, first)
        assert told.startswith("HTTP/1.1 503")
        assert TOO_MUCH in told
        assert ask(address, "length", bytes(40_000)).endswith("40000")
        second.sendall(b"x")
        assert until("30001", second).endswith("30001")
        assert not crowd.sending


def test_what_goes_to_the_disk_has_room_there() -> None:
    written = {"/length": Allowance(50_000)}
    with small_server(Bounds(held=10), written=written) as (address, _):
        assert ask(address, "length", bytes(40_000)).endswith("40000")
        told = ask(address, "length", bytes(60_000))
        assert told.startswith("HTTP/1.1 503")
        assert f"\r\nretry-after: {ROOM_AFTER}\r\n" in told
        assert NO_ROOM in told


def test_a_body_that_has_come_finds_no_place_above_the_bound() -> None:
    with small_server(Bounds(requests=2)) as (address, crowd), ExitStack() as stack:
        slow = [stack.enter_context(closing(send(address, HALF))) for _ in range(3)]
        time.sleep(0.2)
        busy = [stack.enter_context(closing(begin(address, "slow"))) for _ in range(2)]
        time.sleep(0.2)
        for each in slow:
            each.sendall(b"def")
        told = [until(TOO_MANY, each) for each in slow]
        assert all(each.startswith("HTTP/1.1 503") and TOO_MANY in each for each in told), told
        assert crowd.requests == 2
        assert all(rest(each).endswith("slow") for each in busy)


def test_streams_have_a_bound_of_their_own() -> None:
    with small_server(Bounds(requests=2, streams=3)) as (address, crowd), ExitStack() as stack:
        streams = []
        for _ in range(3):
            streams.append(stack.enter_context(closing(begin(address, "stream"))))
            assert b" 200 " in streams[-1].recv(100)
        assert (crowd.requests, crowd.streams) == (0, 3)
        refused = ask(address, "stream")
        assert refused.startswith("HTTP/1.1 503")
        assert "retry-after" in refused
        assert ask(address, "quick").endswith("quick")
        streams.pop().close()
        until = time.monotonic() + 5
        while crowd.streams > 2 and time.monotonic() < until:
            time.sleep(0.05)
        with closing(begin(address, "stream")) as another:
            assert b" 200 " in another.recv(100)


def test_pages_leave_room_for_answers() -> None:
    with small_server(Bounds(pages=2, streams=1)) as (address, crowd), ExitStack() as stack:
        for _ in range(2):
            page = stack.enter_context(closing(begin(address, "heartbeat/somebody")))
            assert b" 200 " in page.recv(100)
        assert ask(address, "heartbeat/somebody").startswith("HTTP/1.1 503")
        answers = stack.enter_context(closing(begin(address, "stream")))
        assert b" 200 " in answers.recv(100)
        assert (crowd.pages, crowd.streams) == (2, 1)


def test_a_503_of_the_app_itself_says_when_to_come_again() -> None:
    with small_server() as (address, _):
        answer = ask(address, "full")
        assert answer.startswith("HTTP/1.1 503")
        assert "\r\nretry-after: 2\r\n" in answer


def test_in_the_end_nothing_new_begins_and_what_was_asked_is_answered() -> None:
    with small_server() as (address, crowd), closing(begin(address, "slow")) as at_work:
        time.sleep(0.2)
        crowd.end()
        told = ask(address, "length", b"abc")
        assert told.startswith("HTTP/1.1 503")
        assert ENDING in told
        assert ask(address, "quick").endswith("quick")
        assert rest(at_work).endswith("slow")


def test_what_is_not_done_when_the_server_ends_is_told_so() -> None:
    with small_server() as (address, crowd):
        at_work = begin(address, "endless")
        time.sleep(0.2)
        crowd.end()
    with closing(at_work):
        told = rest(at_work)
    assert told.startswith("HTTP/1.1 503")
    assert "\r\nretry-after: 2\r\n" in told
    assert ENDING in told


def test_it_knows_when_it_was_asked_last() -> None:
    with small_server() as (address, crowd):
        ask(address, "quick")
        assert time.monotonic() - crowd.last < 1


def test_large_answers_that_nobody_reads_are_few() -> None:
    with small_server(Bounds(large=2)) as (address, crowd), ExitStack() as stack:
        held = [stack.enter_context(closing(begin(address, "large"))) for _ in range(2)]
        assert all(b" 200 " in each.recv(100) for each in held)
        assert (crowd.requests, crowd.large) == (0, 2)
        assert ask(address, "large").startswith("HTTP/1.1 503")
        assert ask(address, "quick").endswith("quick")
        assert len(rest(held[0])) > LARGE - 100
        assert len(ask(address, "large")) > LARGE
