"""Whose state is kept: that of open pages goes last, that of calls without a page soon."""

import threading
import time
from collections.abc import AsyncIterator

import gradio as gr
import httpx
import pytest

from demo.api.gradio_inside import held_states, hold_lean_states, keep_no_statistics, sessions_calling
from demo.api.network import free_port
from demo.bounds import states
from demo.bounds.crowd import Bounds
from demo.bounds.listening import Listeners
from demo.bounds.states import States

Served = tuple[gr.Blocks, str, threading.Event]


@pytest.fixture
async def served(anyio_backend: str) -> AsyncIterator[Served]:
    """A small app, its address, and what one of its calls waits for; the other puts things into a state."""
    assert anyio_backend == "asyncio"
    go_on = threading.Event()
    app: gr.Blocks
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_MAX_EVENTS", "")
        patch.setenv("GRADIO_ANALYTICS_CACHE_FREQUENCY", "")
        keep_no_statistics()
        with gr.Blocks(analytics_enabled=False) as app:
            kept = gr.State([])
            gr.on([], lambda: go_on.wait(20), None, gr.Checkbox(), api_name="wait")
            count = gr.Number()
            gr.on([], lambda count: list(range(count)), count, kept, api_name="keep")
        app.queue(default_concurrency_limit=4)
    _, address, _ = app.launch(
        server_port=free_port("127.0.0.1", 0),
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
    )
    hold_lean_states(app)
    yield app, address, go_on
    go_on.set()
    app.close(verbose=False)


def wait(address: str, session: str) -> None:
    """Begin a call that waits."""
    call = {"data": [], "session_hash": session}
    assert httpx.post(f"{address}gradio_api/call/wait", json=call, trust_env=False).is_success


def keep(address: str, session: str, count: int) -> None:
    """Have a session keep so many things, and wait until it does."""
    call = {"data": [count], "session_hash": session}
    path = f"{address}gradio_api/call/keep"
    event = httpx.post(path, json=call, trust_env=False).json()["event_id"]
    assert "complete" in httpx.get(f"{path}/{event}", trust_env=False).text
    # What runs it takes a moment more.
    time.sleep(0.05)


def close_page(app: gr.Blocks, address: str, session: str) -> None:
    """Open a session's page, and close it."""
    with httpx.stream("GET", f"{address}gradio_api/heartbeat/{session}", trust_env=False) as page:
        next(page.iter_text())
    end = time.monotonic() + 10
    while session not in [each.session for each in held_states(app) if each.left]:
        assert time.monotonic() < end
        time.sleep(0.02)


def held(app: gr.Blocks) -> list[str]:
    """Whose state is kept, in the order of their last use."""
    return [each.session for each in held_states(app)]


@pytest.mark.anyio
async def test_calls_without_a_page_are_forgotten_soon_and_pages_are_not(served: Served) -> None:
    app, address, go_on = served
    listeners = Listeners()
    listeners.pages["open"] += 1
    keeper = States(app, listeners, without_page=0.3)
    for session in ("open", "closed", "made-up"):
        keep(address, session, 2)
    close_page(app, address, "closed")
    wait(address, "calling")
    keeper.forget()
    assert held(app) == ["open", "closed", "made-up", "calling"]
    time.sleep(0.4)
    keeper.forget()
    assert held(app) == ["open", "closed", "calling"]
    go_on.set()
    while sessions_calling(app):
        time.sleep(0.02)
    time.sleep(0.4)
    keeper.forget()
    assert held(app) == ["open", "closed"]


@pytest.mark.anyio
async def test_where_there_are_too_many_open_pages_go_last(served: Served) -> None:
    app, address, _ = served
    listeners = Listeners()
    listeners.pages["open"] += 1
    for session in ("open", "closed"):
        keep(address, session, 0)
    close_page(app, address, "closed")
    keeper = States(app, listeners, sessions=4)
    for number in range(3):
        keep(address, f"made-up-{number}", 0)
        assert keeper.too_many == (number == 2)
    keeper.forget()
    assert held(app) == ["open", "closed", "made-up-1", "made-up-2"]
    assert not keeper.too_many
    States(app, listeners, sessions=2).forget()
    assert held(app) == ["open", "closed"]
    States(app, listeners, sessions=1).forget()
    assert held(app) == ["open"]


@pytest.mark.anyio
async def test_where_they_hold_too_much_those_go_that_hold_it(served: Served) -> None:
    app, address, _ = served
    listeners = Listeners()
    listeners.pages.update(("open", "other"))
    for session, count in (("open", 30), ("made-up", 30), ("empty", 0), ("other", 30)):
        keep(address, session, count)
    States(app, listeners, items=60).forget()
    assert held(app) == ["open", "empty", "other"]
    # Of open pages that which has rested longest.
    States(app, listeners, items=59).forget()
    assert held(app) == ["empty", "other"]


@pytest.mark.anyio
async def test_a_session_whose_call_runs_is_not_forgotten(served: Served) -> None:
    app, address, _ = served
    keep(address, "calling", 5)
    wait(address, "calling")
    keeper = States(app, Listeners(), sessions=0, items=0, without_page=0.0)
    keeper.forget()
    assert held(app) == ["calling"]


def test_there_is_room_for_every_page_that_can_be_open() -> None:
    assert 2 * Bounds().pages < states.SESSIONS_KEPT
