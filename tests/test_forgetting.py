"""What gradio keeps of calls that are done is dropped, at the second look."""

import time

import gradio as gr
import pytest

from demo.bounds import forgetting
from demo.bounds.forgetting import Forgetter
from demo.gradio_inside import finished_sessions


@pytest.fixture
def anyio_backend() -> str:
    """Without a loop that runs gradio makes one for each of its apps, and never closes it."""
    return "asyncio"


@pytest.mark.anyio
async def test_a_session_is_kept_at_the_first_look_and_dropped_at_the_second() -> None:
    with gr.Blocks() as app:
        pass
    forgetter = Forgetter(app, between=0)
    app._queue.pending_event_ids_session["old"] = set()
    forgetter.look()
    app._queue.pending_event_ids_session["new"] = set()
    assert finished_sessions(app) == {"old", "new"}
    forgetter.look()
    assert finished_sessions(app) == {"new"}


@pytest.mark.anyio
async def test_it_looks_no_more_often_than_it_should() -> None:
    with gr.Blocks() as app:
        pass
    forgetter = Forgetter(app, between=0.3)
    app._queue.pending_event_ids_session["old"] = set()
    for _ in range(5):
        forgetter.look()
    assert finished_sessions(app) == {"old"}
    for _ in range(2):
        time.sleep(0.31)
        forgetter.look()
    assert finished_sessions(app) == set()


def test_an_answer_is_kept_long_enough_to_be_fetched() -> None:
    assert forgetting.ROUND >= 30
