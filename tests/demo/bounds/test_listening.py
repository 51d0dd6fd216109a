"""For which sessions somebody is there, over HTTP: open pages, and answers that are being fetched."""

import threading
from collections.abc import AsyncIterator

import gradio as gr
import httpx
import pytest
from starlette.middleware import Middleware

from demo.api.network import free_port
from demo.bounds.listening import Listeners, Listening
from tests.demo.bounds.test_temporary import until

Served = tuple[str, Listeners, threading.Event]


@pytest.fixture
async def served(anyio_backend: str) -> AsyncIterator[Served]:
    """The address of a small app whose calls wait, who listens there, and what the calls wait for."""
    assert anyio_backend == "asyncio"
    go_on = threading.Event()
    with gr.Blocks(analytics_enabled=False) as app:
        gr.on([], lambda: go_on.wait(20), None, gr.Checkbox(), api_name="wait")
    app.queue()
    listeners = Listeners()
    listening = Middleware(Listening, blocks=app, listeners=listeners)
    _, address, _ = app.launch(
        server_port=free_port("127.0.0.1", 0),
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
        app_kwargs={"middleware": [listening]},
    )
    yield address, listeners, go_on
    go_on.set()
    app.close(verbose=False)


@pytest.mark.anyio
async def test_a_page_is_open_until_its_stream_is_closed(served: Served) -> None:
    address, listeners, _ = served
    beat = f"{address}gradio_api/heartbeat/one"
    with httpx.stream("GET", beat, trust_env=False), httpx.stream("GET", beat, trust_env=False):
        assert until(lambda: listeners.pages["one"] == 2)
    assert until(lambda: not listeners.pages)
    assert not listeners.answers


@pytest.mark.anyio
async def test_answers_are_fetched_until_their_stream_ends(served: Served) -> None:
    address, listeners, go_on = served
    call = {"data": [], "fn_index": 0, "session_hash": "page"}
    httpx.post(f"{address}gradio_api/queue/join", json=call, trust_env=False)
    alone = httpx.post(f"{address}gradio_api/call/wait", json={"data": []}, trust_env=False).json()
    named = httpx.post(
        f"{address}gradio_api/call/wait", json={"data": [], "session_hash": "named"}, trust_env=False
    ).json()
    paths = (
        "queue/data?session_hash=page",
        f"call/wait/{alone['event_id']}",
        f"call/wait/{named['event_id']}",
    )
    fetched: list[str] = []

    def fetch(path: str) -> None:
        fetched.append(httpx.get(f"{address}gradio_api/{path}", trust_env=False, timeout=30).text)

    threads = [threading.Thread(target=fetch, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    # A call that names no session is one by itself.
    sessions = {"page": 1, alone["event_id"]: 1, "named": 1}
    assert until(lambda: dict(listeners.answers) == sessions)
    assert not listeners.pages
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert len(fetched) == 3
    assert all("true" in each for each in fetched)
    assert until(lambda: not listeners.answers)
