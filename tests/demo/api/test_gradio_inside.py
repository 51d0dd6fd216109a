"""Each touch of Gradio's insides, by name: what fails here after an upgrade is what the upgrade changed."""

import ast
import asyncio
import inspect
import queue
import re
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
import httpx
import pytest
from gradio import route_utils
from gradio.data_classes import ListFiles
from gradio.routes import App
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from demo.api import gradio_inside, stubless
from demo.api.gradio_inside import (
    API_PATH,
    BUSY_SCRIPT,
    ApiValue,
    Event,
    Files,
    HeldState,
    Input,
    Translated,
    answer_length,
    are_files,
    bytes_of_calls,
    calls_of,
    calls_of_all,
    check_before_each_join,
    end_heartbeats,
    events_of,
    failures_told,
    finished_sessions,
    finished_uploads,
    for_each_file,
    forget_estimates,
    forget_removed_files,
    forget_sessions,
    forget_state,
    forget_uploads,
    held_states,
    hold_lean_states,
    in_server_loop,
    is_under_way,
    keep_no_statistics,
    may_have_been_uploaded,
    queue_is_full,
    session_of,
    sessions_calling,
    sessions_remembered,
    states_held,
    tab_being_built,
    takes_file,
    takes_files,
    value_schema,
    waits_for,
    was_uploaded,
    web_server,
)
from demo.api.network import free_port

ROOT = Path(__file__).parents[3]
INSIDE = "demo/api/gradio_inside.py"
Waiting: TypeAlias = tuple[gr.Blocks, str, threading.Event]
MARKED = {"path": "/somewhere/7.png", "meta": {"_type": "gradio.FileData"}}


def gradio_modules(path: Path) -> set[str]:
    """The modules below gradio, and of its client, that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {
        name
        for name in found
        if name.startswith(("gradio.", "gradio_client")) and name != "gradio.components"
    }


def test_no_other_module_reaches_inside() -> None:
    # Programs to copy run elsewhere, with gradio's client alone.
    files = [path for path in (ROOT / "demo").rglob("*.py") if "snippets" not in path.parts]
    reaching = {str(path.relative_to(ROOT)) for path in files if gradio_modules(path)}
    assert reaching == {INSIDE}


def test_every_touch_has_a_test_here() -> None:
    public = [name for name in vars(gradio_inside) if defined_there(name)]
    assert public
    source = Path(__file__).read_text()
    assert [name for name in public if source.count(name) < 2] == []


def defined_there(name: str) -> bool:
    tree = ast.parse((ROOT / INSIDE).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    defined |= {
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return name in defined


def test_stubs_are_written_by_the_function_that_is_left_out() -> None:
    module = __import__(stubless.MODULE, fromlist=[stubless.WRITER])
    assert callable(getattr(module, stubless.WRITER))


@pytest.mark.anyio
async def test_api_path_is_where_gradio_answers() -> None:
    with gr.Blocks() as app:
        pass
    paths = {getattr(route, "path", "") for route in App.create_app(app).routes}
    assert any(path.startswith(f"{API_PATH}/") for path in paths)


def test_busy_script_is_for_a_page_that_has_a_sentence_of_its_own() -> None:
    assets = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    page = "".join(each.read_text(encoding="utf-8") for each in assets.glob("index-*.js"))
    paths = re.findall(r"endsWith\('/([^']+)'\)", BUSY_SCRIPT)
    assert len(paths) == 2
    assert [path for path in paths if f"`{path}`" not in page] == []
    assert "===503)" in page
    assert "This application is currently busy." in page


@pytest.mark.anyio
async def test_api_value_describes_an_endpoint_without_a_component() -> None:
    with gr.Blocks() as app:
        value = ApiValue(3, {"type": "integer"}, "Count")
        gr.on([], lambda count: count, [value], ApiValue(None, {"type": "integer"}, "Same"), api_name="same")
    told: Any = app.get_api_info()
    (parameter,) = told["named_endpoints"]["/same"]["parameters"]
    assert parameter["type"] == {"type": "integer"}
    assert parameter["parameter_default"] == 3


def test_translated_text_is_left_to_the_browser() -> None:
    assert "a.key" in str(Translated("a.key").to_dict())


@pytest.mark.anyio
async def test_tab_being_built_is_the_one_whose_block_runs() -> None:
    with gr.Blocks(), gr.Tabs(), gr.Tab("one") as tab:
        assert tab_being_built() is tab


@pytest.mark.anyio
async def test_takes_files_makes_an_html_component_take_uploads_alone() -> None:
    with gr.Blocks():
        one, many, other = gr.HTML(), gr.HTML(), gr.HTML()
    takes_files(one, gr.FileData)
    takes_files(many, Files)
    assert [takes_file(each) for each in (one, many, other)] == [True, True, False]
    assert Files is ListFiles


def inverse(number: float) -> float:
    return 1 / number


def built() -> gr.Blocks:
    app: gr.Blocks
    with gr.Blocks() as app:
        kept, number, choice = gr.State(None), gr.Number(), gr.Dropdown(["a"])
        gr.on([], lambda *values: values[1], [kept, number, choice, gr.File()], number, api_name="public")
        gr.on([], inverse, number, number, api_name="inner", api_visibility="private")
        gr.on([], None, None, number, js="() => 1", api_name="script")
    return app


@pytest.mark.anyio
async def test_events_of_tells_what_an_app_does_and_what_it_takes() -> None:
    events = events_of(built())
    assert [(each.name, each.public) for each in events.values()] == [("public", True), ("inner", False)]
    assert [(each.state, each.file) for each in events[0].inputs] == [
        (True, False),
        (False, False),
        (False, False),
        (False, True),
    ]
    assert list(Event.__annotations__) == ["name", "inputs", "public"]
    assert list(Input.__annotations__) == ["component", "state", "file"]


@pytest.mark.anyio
async def test_value_schema_says_of_what_type_a_value_is() -> None:
    _, number, choice, _ = events_of(built())[0].inputs
    assert value_schema(number.component) == {"anyOf": [{"type": "number"}, {"type": "null"}]}
    assert {"type": "number"} in value_schema(choice.component)["anyOf"]
    assert value_schema(ApiValue(3, {"type": "integer"}, "Count"))["type"] == "integer"


@pytest.mark.anyio
async def test_failures_told_leaves_no_failure_without_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    app = built()
    failures_told(app, "A sentence.")
    with pytest.raises(gr.Error, match=r"A sentence\."):
        await app.process_api(app.fns[1], [0])
    assert "A call failed" in caplog.text
    # The queue and every route call it by this name.
    assert ".process_api(" in inspect.getsource(route_utils.call_process_api)


@pytest.mark.anyio
async def test_is_under_way_holds_until_the_answer_was_fetched_and_waits_for_longer() -> None:
    app = built()
    app.queue()
    assert not waits_for(app, "session")
    assert not is_under_way(app, "event")
    app._queue.pending_event_ids_session["session"] = {"event"}
    assert is_under_way(app, "event")
    app._queue.pending_messages_per_session["session"] = asyncio.Queue()
    app._queue.pending_event_ids_session["session"].remove("event")
    assert not is_under_way(app, "event")
    assert waits_for(app, "session")
    source = inspect.getsource(App.create_app)
    assert "not in blocks._queue.pending_messages_per_session" in source
    assert "pending_event_ids_session[" in source
    assert ".remove(message.event_id)" in source


@pytest.mark.anyio
async def test_are_files_and_for_each_file_find_what_clients_send() -> None:
    with gr.Blocks():
        one, several = gr.File(), gr.File(file_count="multiple")
    assert are_files(one, MARKED)
    assert are_files(several, [MARKED])
    for wrong in ({"path": "/somewhere/7.png"}, [MARKED], "text", MARKED | {"size": "many"}):
        assert not are_files(one, wrong)
    found: list[str] = []
    for_each_file([{"deep": [MARKED]}, "text"], lambda file: found.append(file["path"]))
    assert found == ["/somewhere/7.png"]


@pytest.mark.anyio
async def test_was_uploaded_holds_for_what_an_upload_was_answered_with() -> None:
    app = built()
    app.upload_file_set.add("/somewhere/7.png")
    assert was_uploaded(app, "/somewhere/7.png")
    assert not was_uploaded(app, "/somewhere/../somewhere/7.png")
    assert "upload_file_set.update(output_files)" in inspect.getsource(App.create_app)


@pytest.mark.anyio
async def test_may_have_been_uploaded_holds_for_paths_like_those_that_gradio_gives(waiting: Waiting) -> None:
    app, address, _ = waiting
    sent = httpx.post(f"{address}gradio_api/upload", files={"files": b"a picture"}, trust_env=False)
    (path,) = sent.json()
    assert may_have_been_uploaded(app, path)
    folder = Path(path).parent.parent
    assert may_have_been_uploaded(app, str(folder / "hash" / "gone.png"))
    others = ("file", "a/../b", "a/b/c", "a/./b", "a//b")
    for other in (*(f"{folder}/{each}" for each in others), "/etc/a/passwd", "7", ""):
        assert not may_have_been_uploaded(app, str(other))


@pytest.fixture
async def waiting(anyio_backend: str) -> AsyncIterator[Waiting]:
    """A launched app whose endpoint waits, its address, and what it waits for."""
    assert anyio_backend == "asyncio"
    go_on = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_MAX_EVENTS", "")
        patch.setenv("GRADIO_ANALYTICS_CACHE_FREQUENCY", "")
        keep_no_statistics()
        with gr.Blocks(analytics_enabled=False) as app:
            gr.on([], lambda: go_on.wait(20), None, gr.Checkbox(), api_name="wait")
        app.queue(default_concurrency_limit=4)
    check_before_each_join(app, refuse_language)
    _, address, _ = app.launch(
        server_port=free_port("127.0.0.1", 0),
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
    )
    yield app, address, go_on
    go_on.set()
    app.close(verbose=False)


def refuse_language(session: str | None, language: str | None) -> None:
    """Refuses one session, in one language."""
    if (session, language) == ("refused", "fr"):
        raise HTTPException(429, "non", {"retry-after": "7"})


def join(address: str, session: str, language: str = "en") -> httpx.Response:
    """The answer to a call that begins."""
    number = {"data": [], "fn_index": 0, "session_hash": session}
    headers = {"accept-language": language}
    return httpx.post(f"{address}gradio_api/queue/join", json=number, headers=headers, trust_env=False)


@pytest.mark.anyio
async def test_keep_no_statistics_holds_for_queues_made_afterwards(waiting: Waiting) -> None:
    app, _, _ = waiting
    assert app._queue.ANALYTICS_MAX_EVENTS == 1
    assert app._queue.ANAYLTICS_CACHE_FREQUENCY > 1e15


@pytest.mark.anyio
async def test_web_server_takes_its_settings_for_each_connection(waiting: Waiting) -> None:
    app, address, _ = waiting
    config = web_server(app).config
    application = config.loaded_app

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("ours")(scope, receive, send)

    config.loaded_app = answer
    try:
        assert httpx.get(address, trust_env=False).text == "ours"
    finally:
        config.loaded_app = application
    assert httpx.get(address, trust_env=False).text != "ours"
    # What the app waits for when it is told to end.
    assert web_server(app).thread.is_alive()  # type: ignore[attr-defined]


@pytest.mark.anyio
async def test_in_server_loop_calls_in_its_thread_and_nothing_once_it_has_ended(waiting: Waiting) -> None:
    app, _, _ = waiting
    called: queue.Queue[threading.Thread] = queue.Queue()
    in_server_loop(app, lambda: called.put(threading.current_thread()))
    server: Any = web_server(app)
    assert called.get(timeout=10) is server.thread
    server.should_exit = True
    server.thread.join(10)
    in_server_loop(app, lambda: called.put(threading.current_thread()))
    assert called.empty()


@pytest.mark.anyio
async def test_check_before_each_join_answers_with_what_is_raised(waiting: Waiting) -> None:
    _, address, _ = waiting
    refused = join(address, "refused", "fr")
    assert (refused.status_code, refused.json()["detail"]) == (429, "non")
    assert refused.headers["retry-after"] == "7"


@pytest.mark.anyio
async def test_calls_of_sessions_are_counted_while_they_run_and_forgotten_afterwards(
    waiting: Waiting,
) -> None:
    app, address, go_on = waiting
    assert [join(address, session).status_code for session in ("one", "two", "two")] == [200] * 3
    assert (calls_of(app, "one"), calls_of(app, "two"), calls_of_all(app)) == (1, 2, 3)
    assert 100 < bytes_of_calls(app) < 600
    assert {"one", "two"} <= sessions_calling(app)
    assert not {"one", "two"} & set(finished_sessions(app))
    event = next(iter(app._queue.pending_event_ids_session["one"]))
    assert (session_of(app, event), session_of(app, "other")) == ("one", "other")
    go_on.set()
    until = time.monotonic() + 10
    while calls_of_all(app) and time.monotonic() < until:
        time.sleep(0.02)
    assert (calls_of(app, "two"), calls_of_all(app), bytes_of_calls(app)) == (0, 0, 0)
    # Nobody fetched an answer.
    finished = finished_sessions(app)
    assert (len(finished["one"]), len(finished["two"])) == (1, 2)
    assert event in finished["one"]
    assert 2 * answer_length(app, "one") == pytest.approx(answer_length(app, "two"), rel=0.2)
    assert sessions_remembered(app) == 2
    messages: Any = app._queue.pending_messages_per_session["two"]
    told = list(messages._queue)
    forget_estimates(app, "two")
    kept = list(messages._queue)
    assert kept == [each for each in told if each.msg != "estimation"]
    assert len(kept) == len(told) - 2
    forget_sessions(app, {"one"})
    assert "one" not in finished_sessions(app)
    answer = httpx.get(f"{address}gradio_api/queue/data?session_hash=two", trust_env=False)
    assert answer.text.count("process_completed") == 2
    assert finished_sessions(app)["two"] == frozenset()
    assert answer_length(app, "two") == 0
    # What it is to be dropped before.
    assert app._queue.pending_messages_per_session.max_size == 2000


@pytest.mark.anyio
async def test_hold_lean_states_keeps_states_in_the_order_of_their_use(waiting: Waiting) -> None:
    app, address, go_on = waiting
    hold_lean_states(app)
    go_on.set()
    for session in ("one", "two", "one"):
        assert join(address, session).status_code == 200
    # The page of one of them is opened, and closed.
    with httpx.stream("GET", f"{address}gradio_api/heartbeat/two", trust_env=False) as page:
        next(page.iter_text())
    until = time.monotonic() + 10
    while not any(each.left for each in held_states(app)) and time.monotonic() < until:
        time.sleep(0.02)
    held = list(held_states(app))
    assert [(each.session, each.left, each.items) for each in held] == [("two", True, 0), ("one", False, 0)]
    assert 0 <= held[1].rested <= held[0].rested < 20
    assert states_held(app) == 2
    forget_state(app, "two")
    assert [each.session for each in held_states(app)] == ["one"]
    assert isinstance(held[0], HeldState)


@pytest.mark.anyio
async def test_lean_states_hold_what_gradio_s_do_but_for_the_page() -> None:
    usual, lean = built(), built()
    hold_lean_states(lean)
    session = lean.app.state_holder["one"]
    assert lean.state_holder is lean.app.state_holder
    assert vars(session).keys() == vars(usual.app.state_holder["one"]).keys()
    kept, number = (each.component for each in events_of(lean)[0].inputs[:2])
    for block in (kept, number):
        session._update_value_in_config(block._id, "a value")
        session._update_config(block._id)
    session[kept._id] = [1, 2, 3]
    session[number._id] = gr.Number(7)
    assert session[kept._id] == [1, 2, 3]
    assert session[number._id].value == 7
    assert session.config_values == {}
    assert [each.items for each in held_states(lean)] == [3]
    assert usual.app.state_holder["one"].config_values


@pytest.mark.anyio
async def test_queue_is_full_where_gradio_itself_would_refuse(waiting: Waiting) -> None:
    app, address, _ = waiting
    for most, full in ((None, False), (1, False), (0, True)):
        app._queue.max_size = most
        assert queue_is_full(app) == full
    refused = join(address, "one")
    assert refused.status_code == 503
    assert "Queue is full" in refused.text


@pytest.mark.anyio
async def test_uploads_are_forgotten_once_they_are_done_and_files_once_they_are_gone(
    waiting: Waiting,
) -> None:
    app, address, _ = waiting
    sent = httpx.post(
        f"{address}gradio_api/upload?upload_id=one", files={"files": b"a picture"}, trust_env=False
    )
    assert "one" in finished_uploads()
    forget_uploads({"one"})
    assert "one" not in finished_uploads()
    (name,) = sent.json()
    forget_removed_files(app)
    assert name in app.upload_file_set
    Path(name).unlink()
    # No path can be so long: whoever looks for it is told so.
    app.upload_file_set.add(f"{name}{'7' * 300}")
    forget_removed_files(app)
    assert not app.upload_file_set


@pytest.mark.anyio
async def test_end_heartbeats_sets_what_they_wait_for() -> None:
    with gr.Blocks() as app:
        pass
    end_heartbeats(app)
    assert app.app.stop_event.is_set()
    assert "app.stop_event.wait()" in inspect.getsource(App.create_app)
