"""The bounds around an app that is launched: there while it serves, and its end when it is told to."""

import asyncio
import functools
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import gradio as gr
import httpx
import pytest
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from demo.api.gradio_inside import (
    calls_of_all,
    keep_no_statistics,
    sessions_remembered,
    states_held,
    web_server,
)
from demo.api.network import free_port
from demo.bounds.allowance import FolderAllowance
from demo.bounds.crowd import LARGE, NO_ROOM, ROOM_AFTER
from demo.bounds.forgetting import KEPT_UNFETCHED, ROUND, Forgetter
from demo.bounds.guard import guard_calls, guarded
from demo.bounds.listening import Listeners
from demo.bounds.states import KEPT_WITHOUT_PAGE, SESSIONS_KEPT
from demo.bounds.temporary import Cleaner
from tests.demo.bounds.test_forgetting import Clock
from tests.demo.bounds.test_temporary import until

Launched: TypeAlias = tuple[gr.Blocks, str, Forgetter]


@pytest.fixture
async def launched(anyio_backend: str) -> AsyncIterator[Launched]:
    """A small app, its address, and what forgets its calls."""
    assert anyio_backend == "asyncio"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_MAX_EVENTS", "")
        patch.setenv("GRADIO_ANALYTICS_CACHE_FREQUENCY", "")
        keep_no_statistics()
        with gr.Blocks(analytics_enabled=False) as app:
            gr.on([], lambda: 3, None, gr.Number(), api_name="three")
        app.queue(max_size=0)
    forgetter = guard_calls(app, "127.0.0.1")
    _, address, _ = app.launch(
        server_port=free_port("127.0.0.1", 0),
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
    )
    yield app, address, forgetter
    app.close(verbose=False)


@pytest.mark.anyio
@pytest.mark.parametrize(("language", "word"), [("en-GB,en", "wait"), ("zh-CN,zh", "请等")])
async def test_a_full_queue_says_so_in_the_asker_s_language_and_when_to_come_again(
    launched: Launched, tmp_path: Path, language: str, word: str
) -> None:
    app, address, forgetter = launched
    with guarded(app, tmp_path, forgetter):
        answer = httpx.post(
            f"{address}gradio_api/call/three",
            json={"data": []},
            headers={"accept-language": language},
            trust_env=False,
        )
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert word in answer.json()["detail"]


@pytest.mark.anyio
async def test_an_upload_for_which_there_is_no_room_is_told(
    launched: Launched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, address, forgetter = launched
    monkeypatch.setattr(
        "demo.bounds.guard.FolderAllowance", lambda folder: FolderAllowance(folder, most=8_000)
    )
    monkeypatch.setattr(app.app, "uploaded_file_dir", str(tmp_path))
    with guarded(app, tmp_path, forgetter):
        answers = [
            httpx.post(f"{address}gradio_api/upload", files={"files": os.urandom(3000)}, trust_env=False)
            for _ in range(4)
        ]
    assert [each.status_code for each in answers] == [200, 200, 503, 503]
    assert answers[-1].headers["retry-after"] == ROOM_AFTER
    assert answers[-1].json()["error"] == NO_ROOM


@pytest.mark.anyio
async def test_sessions_of_calls_that_are_refused_are_forgotten_too(
    launched: Launched, tmp_path: Path
) -> None:
    app, address, forgetter = launched
    with guarded(app, tmp_path, forgetter), httpx.Client(base_url=address, trust_env=False) as client:
        for number in range(SESSIONS_KEPT + 20):
            assert not app.app.state_holder[f"made-up-{number}"].is_closed
        call = {"data": [], "session_hash": "last"}
        assert client.post("gradio_api/call/three", json=call).status_code == 503
        assert states_held(app) <= SESSIONS_KEPT


@pytest.mark.anyio
async def test_what_the_last_visitor_left_is_forgotten_though_nobody_comes(
    launched: Launched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, address, _ = launched
    clock = Clock()
    forgetter = Forgetter(app, Listeners(), clock=clock)
    app._queue.max_size = None
    monkeypatch.setattr("demo.bounds.guard.Cleaner", functools.partial(Cleaner, idle=0.4))
    with guarded(app, tmp_path, forgetter):
        call = {"data": [], "session_hash": "last"}
        path = f"{address}gradio_api/call/three"
        assert httpx.post(path, json=call, trust_env=False).is_success
        assert until(lambda: not calls_of_all(app))
        assert (sessions_remembered(app), states_held(app)) == (1, 1)
        holder = app.app.state_holder
        holder.time_last_used["last"] -= timedelta(seconds=KEPT_WITHOUT_PAGE)
        clock.now += ROUND
        assert until(lambda: not states_held(app))
        assert sessions_remembered(app) == 1
        clock.now += KEPT_UNFETCHED
        assert until(lambda: not sessions_remembered(app))


@pytest.mark.anyio
async def test_left_by_system_exit_it_sends_large_answers_to_their_end(
    launched: Launched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, address, forgetter = launched

    async def in_two_parts(scope: Scope, receive: Receive, send: Send) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield bytes(LARGE)
            await asyncio.sleep(1.5)
            yield bytes(LARGE)

        headers = {"content-length": str(2 * LARGE)}
        await StreamingResponse(parts(), headers=headers)(scope, receive, send)

    def fetch() -> int:
        with httpx.stream("GET", address, trust_env=False, timeout=20) as stream:
            began.set()
            return sum(map(len, stream.iter_bytes()))

    began = threading.Event()
    monkeypatch.setattr(web_server(app).config, "loaded_app", in_two_parts)
    monkeypatch.setattr("demo.bounds.guard.SECONDS_TO_CLOSE", 0.5)
    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(SystemExit), guarded(app, tmp_path, forgetter):  # noqa: PT012
            fetched = threads.submit(fetch)
            assert began.wait(10)
            raise SystemExit(0)
        assert fetched.result() == 2 * LARGE


@pytest.mark.anyio
async def test_left_by_system_exit_it_ends_streams_server_and_files(
    launched: Launched, tmp_path: Path
) -> None:
    app, address, forgetter = launched
    beats: list[str] = []

    def listen() -> None:
        with httpx.stream("GET", f"{address}gradio_api/heartbeat/one", trust_env=False) as stream:
            began.set()
            beats.extend(stream.iter_text())

    began = threading.Event()
    listening = threading.Thread(target=listen)
    listening.start()
    assert began.wait(10)
    with pytest.raises(SystemExit), guarded(app, tmp_path, forgetter):  # noqa: PT012
        (tmp_path / "upload").write_bytes(b"a picture")
        raise SystemExit(0)
    listening.join(10)
    assert beats
    assert not listening.is_alive()
    assert not web_server(app).thread.is_alive()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)
