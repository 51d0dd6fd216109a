"""What the app uses of gradio's private parts works with the gradio that is installed."""

import gradio as gr
import pytest

from demo.api.gradio_private import drop_unfetched_answers, explain_failures, has_answer, has_session
from tests.support.processes import run_python

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(anyio_backend: str) -> gr.Blocks:  # noqa: ARG001 - the loop it is built in
    def inverse(number: float) -> float:
        return 1 / number

    with gr.Blocks(analytics_enabled=False) as app:
        number = gr.Number()
        gr.on([], inverse, number, number, api_name="inverse")
    app.queue()
    assert isinstance(app, gr.Blocks)
    return app


def test_gradio_is_imported_without_writing_stubs() -> None:
    program = """
from pathlib import Path
written = []
Path.write_text = lambda path, *_, **__: written.append(path)
from demo.api.gradio_private import without_type_stubs
with without_type_stubs():
    import gradio
assert callable(gradio.HTML().input), "events are there"
import gradio.component_meta as meta
assert meta.create_or_modify_pyi, "stubs are written by the function that is left out"
print(len(written))
"""
    result = run_python("-c", program)
    assert (result.stdout.strip(), result.returncode) == ("0", 0), result.stderr


async def test_a_failure_without_a_message_gets_one(app: gr.Blocks, caplog: pytest.LogCaptureFixture) -> None:
    explain_failures(app)
    (function,) = app.fns.values()
    with pytest.raises(gr.Error, match="Something unexpected went wrong"):
        await app.process_api(block_fn=function, inputs=[0.0])
    assert "ZeroDivisionError" in caplog.text


async def test_answers_that_nobody_fetches_are_dropped_at_the_second_look(app: gr.Blocks) -> None:
    queue = app._queue
    messages = queue.pending_messages_per_session
    for session, events in (("unfetched", {"one"}), ("fetched", set()), ("gone", set())):
        queue.pending_event_ids_session[session] = events
        if session != "gone":
            messages[session] = object()  # type: ignore[assignment]
    assert has_session(app, "unfetched")
    assert has_answer(app, "one")
    seen = drop_unfetched_answers(app, set())
    assert set(queue.pending_event_ids_session) == {"unfetched", "fetched"}
    assert drop_unfetched_answers(app, seen) == set()
    assert set(queue.pending_event_ids_session) == set(messages) == {"fetched"}
    assert not has_answer(app, "one")
