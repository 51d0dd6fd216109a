"""The bounds around an app that is launched: there while it serves, and its end when it is told to."""

import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import gradio as gr
import httpx
import pytest

from demo.bounds.allowance import FolderAllowance
from demo.bounds.crowd import NO_ROOM, ROOM_AFTER
from demo.bounds.guard import guard_calls, guarded
from demo.bounds.states import SESSIONS_KEPT
from demo.gradio_inside import states_held, web_server
from demo.network import free_port


@pytest.fixture
def anyio_backend() -> str:
    """Without a loop that runs gradio makes one for each of its apps, and never closes it."""
    return "asyncio"


@pytest.fixture
async def launched(anyio_backend: str) -> AsyncIterator[tuple[gr.Blocks, str]]:
    """A small app and its address."""
    assert anyio_backend == "asyncio"
    with gr.Blocks(analytics_enabled=False) as app:
        gr.on([], lambda: 3, None, gr.Number(), api_name="three")
    app.queue(max_size=0)
    guard_calls(app, "127.0.0.1")
    _, address, _ = app.launch(
        server_port=free_port("127.0.0.1", 0),
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
    )
    yield app, address
    app.close(verbose=False)


@pytest.mark.anyio
@pytest.mark.parametrize(("language", "word"), [("en-GB,en", "wait"), ("zh-CN,zh", "请等")])
async def test_a_full_queue_says_so_in_the_asker_s_language_and_when_to_come_again(
    launched: tuple[gr.Blocks, str], tmp_path: Path, language: str, word: str
) -> None:
    app, address = launched
    with guarded(app, tmp_path):
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
    launched: tuple[gr.Blocks, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, address = launched
    monkeypatch.setattr(
        "demo.bounds.guard.FolderAllowance", lambda folder: FolderAllowance(folder, most=8_000)
    )
    monkeypatch.setattr(app.app, "uploaded_file_dir", str(tmp_path))
    with guarded(app, tmp_path):
        answers = [
            httpx.post(f"{address}gradio_api/upload", files={"files": os.urandom(3000)}, trust_env=False)
            for _ in range(4)
        ]
    assert [each.status_code for each in answers] == [200, 200, 503, 503]
    assert answers[-1].headers["retry-after"] == ROOM_AFTER
    assert answers[-1].json()["error"] == NO_ROOM


@pytest.mark.anyio
async def test_sessions_of_calls_that_are_refused_are_forgotten_too(
    launched: tuple[gr.Blocks, str], tmp_path: Path
) -> None:
    app, address = launched
    with guarded(app, tmp_path), httpx.Client(base_url=address, trust_env=False) as client:
        for number in range(SESSIONS_KEPT + 20):
            assert not app.app.state_holder[f"made-up-{number}"].is_closed
        call = {"data": [], "session_hash": "last"}
        assert client.post("gradio_api/call/three", json=call).status_code == 503
        assert states_held(app) <= SESSIONS_KEPT


@pytest.mark.anyio
async def test_left_by_system_exit_it_ends_streams_server_and_files(
    launched: tuple[gr.Blocks, str], tmp_path: Path
) -> None:
    app, address = launched
    beats: list[str] = []

    def listen() -> None:
        with httpx.stream("GET", f"{address}gradio_api/heartbeat/one", trust_env=False) as stream:
            began.set()
            beats.extend(stream.iter_text())

    began = threading.Event()
    listening = threading.Thread(target=listen)
    listening.start()
    assert began.wait(10)
    with pytest.raises(SystemExit), guarded(app, tmp_path):  # noqa: PT012
        (tmp_path / "upload").write_bytes(b"a picture")
        raise SystemExit(0)
    listening.join(10)
    assert beats
    assert not listening.is_alive()
    assert not web_server(app).thread.is_alive()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)
