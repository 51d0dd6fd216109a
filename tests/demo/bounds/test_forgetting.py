"""What gradio keeps of calls that are done is dropped: soon what was fetched, minutes later what was not."""

import asyncio
from collections.abc import Mapping
from typing import Any

import gradio as gr
import pytest
from gradio.server_messages import ProcessCompletedMessage

from demo.api.gradio_inside import finished_sessions, sessions_remembered
from demo.bounds import forgetting
from demo.bounds.forgetting import Forgetter
from demo.bounds.listening import Listeners


@pytest.fixture
async def app(anyio_backend: str) -> gr.Blocks:
    """An app without events."""
    assert anyio_backend == "asyncio"
    app: gr.Blocks
    with gr.Blocks() as app:
        pass
    return app


class Clock:
    """One that stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds since it began."""
        return self.now


def forgets(app: gr.Blocks, **how: Any) -> tuple[Forgetter, Listeners]:
    """What looks whenever it is asked to, and who listens."""
    listeners = Listeners()
    return Forgetter(app, listeners, **{"between": 0.0, **how}), listeners


def fetched(app: gr.Blocks, session: str) -> None:
    """Have a session whose answers were all fetched."""
    app._queue.pending_messages_per_session[session] = asyncio.Queue()
    app._queue.pending_event_ids_session[session] = set()


def answered(app: gr.Blocks, session: str, answer: str = "real") -> None:
    """Have a session with an answer that nobody has fetched."""
    fetched(app, session)
    message = ProcessCompletedMessage(output={"data": [answer]}, success=True, event_id=f"of-{session}")
    app._queue.pending_messages_per_session[session].put_nowait(message)
    app._queue.pending_event_ids_session[session].add(f"of-{session}")


def known(app: gr.Blocks) -> list[str]:
    """The sessions of which something is kept."""
    return list(finished_sessions(app))


@pytest.mark.anyio
async def test_what_was_fetched_is_kept_at_the_first_look_and_dropped_at_the_second(app: gr.Blocks) -> None:
    forgetter, _ = forgets(app)
    fetched(app, "old")
    forgetter.look()
    fetched(app, "new")
    assert known(app) == ["old", "new"]
    forgetter.look()
    assert known(app) == ["new"]


@pytest.mark.anyio
async def test_it_looks_no_more_often_than_it_should(app: gr.Blocks) -> None:
    clock = Clock()
    forgetter, _ = forgets(app, between=10.0, clock=clock)
    fetched(app, "old")
    for clock.now in (0.0, 9.9, 10.0, 10.1, 19.9):
        forgetter.look()
    assert known(app) == ["old"]
    clock.now = 20.0
    forgetter.look()
    assert known(app) == []


@pytest.mark.anyio
async def test_what_was_not_fetched_is_kept_for_its_time(app: gr.Blocks) -> None:
    clock = Clock()
    forgetter, _ = forgets(app, clock=clock)
    answered(app, "later")
    for clock.now in (0.0, 1.0, 599.9):
        forgetter.look()
    assert known(app) == ["later"]
    assert app._queue.pending_messages_per_session["later"].qsize() == 1
    clock.now = 600.0
    forgetter.look()
    assert known(app) == []


@pytest.mark.anyio
async def test_a_session_that_asks_again_has_its_time_again(app: gr.Blocks) -> None:
    clock = Clock()
    forgetter, _ = forgets(app, clock=clock)
    answered(app, "again")
    forgetter.look()
    clock.now = 400.0
    app._queue.pending_event_ids_session["again"].add("another")
    for clock.now in (400.0, 999.9):
        forgetter.look()
    assert known(app) == ["again"]
    clock.now = 1000.0
    forgetter.look()
    assert known(app) == []


@pytest.mark.anyio
async def test_of_too_many_unfetched_answers_the_oldest_go(app: gr.Blocks) -> None:
    forgetter, _ = forgets(app, most=3)
    for number in range(5):
        answered(app, str(number))
    forgetter.look()
    assert known(app) == ["2", "3", "4"]
    answered(app, "5")
    forgetter.look()
    assert known(app) == ["3", "4", "5"]


@pytest.mark.anyio
async def test_of_unfetched_answers_that_are_too_long_together_the_oldest_go(app: gr.Blocks) -> None:
    forgetter, _ = forgets(app, longest=2500)
    for number in range(5):
        answered(app, str(number), "x" * 1000)
    forgetter.look()
    assert known(app) == ["3", "4"]


@pytest.mark.anyio
async def test_nothing_is_dropped_under_an_open_stream(app: gr.Blocks) -> None:
    forgetter, listeners = forgets(app, kept=0.0, most=0, longest=0)
    for session in ("slow", "gone"):
        answered(app, session)
    fetched(app, "between")
    listeners.answers.update(("slow", "between"))
    for _ in range(3):
        forgetter.look()
    assert known(app) == ["slow", "between"]
    listeners.answers.clear()
    forgetter.look()
    forgetter.look()
    assert known(app) == []


@pytest.mark.anyio
async def test_below_the_number_at_which_gradio_drops_the_oldest_there_is_room(
    app: gr.Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    most: Mapping[str, int] = vars(forgetting)
    assert app._queue.pending_messages_per_session.max_size > most["MOST_REMEMBERED"] + 128
    assert most["MOST_REMEMBERED"] > 128 + 600 + most["MOST_UNFETCHED"]
    monkeypatch.setattr(forgetting, "MOST_REMEMBERED", 10)
    forgetter, _ = forgets(app, between=60.0)
    answered(app, "unfetched")
    for number in range(11):
        fetched(app, str(number))
        forgetter.look()
    assert known(app) == ["unfetched", "10"]
    assert sessions_remembered(app) == 2
