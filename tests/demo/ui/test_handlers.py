"""The page's event handlers, called as a browser calls them, with valid and invalid data."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio import FileData

from demo.batch.many import MOST_FILES
from demo.decoder.images import encode_png
from demo.errors import RequestError
from demo.inference.check import check_bytes
from demo.inference.engine import Engine
from demo.ui.app import build_app
from demo.ui.events import UNREADABLE
from demo.ui.html import png_url
from demo.ui.views.many import UNREADABLE_LIST, arrange
from tests.support.driving import picture_bytes

Handlers = dict[str, Callable[..., Any]]


def handlers_of(engine: Engine) -> Handlers:
    # In a coroutine, because without a running loop Gradio makes one that is never closed.
    async def build() -> gr.Blocks:
        return build_app(engine)[0]

    app = asyncio.run(build())
    return {str(each.api_name): each.fn for each in app.fns.values() if each.fn}


@pytest.fixture(scope="module")
def handlers(engine: Engine) -> Handlers:
    return handlers_of(engine)


@pytest.mark.parametrize(
    "box", [[5, 5, 5, 9], [0, 0, 9, "9"], [0, 0, 1], [-1, 0, 9, 9], [900, 900, 901, 901], "all"], ids=str
)
def test_a_box_that_holds_no_part_of_the_picture_is_refused(handlers: Handlers, box: object) -> None:
    drawing = {"kind": "drawn", "png": png_url(picture_bytes()), "turn": 1}
    panel, checked = handlers["page_check"](None, json.dumps(drawing | {"box": [10, 10, 150, 110]}), None)
    assert checked.preprocessed.height == 140
    assert checked.preprocessed.width == 100
    assert "data-area" in panel
    with pytest.raises(gr.Error, match=UNREADABLE):
        handlers["page_check"](None, json.dumps(drawing | {"box": box}), None)


@pytest.mark.parametrize("event", [{"index": 0}, {"index": -1}, {"index": "0"}], ids=str)
def test_an_answer_that_the_app_no_longer_has_is_reported(
    handlers: Handlers, event: dict[str, object]
) -> None:
    with pytest.raises(gr.Error, match="no longer has this answer"):
        handlers["page_many_open"]([], gr.EventData(None, event), None)


def test_a_picture_that_is_not_a_digit_is_replaced_by_an_example(handlers: Handlers, engine: Engine) -> None:
    checked = check_bytes(engine, "cat.png", encode_png(np.full((28, 28), 255, np.uint8)))
    _, panel, *_ = handlers["page_learn"](checked, (), None)
    assert "The picture you checked last is not a digit, so it has no score." in panel
    assert "cat.png" not in panel


def test_a_game_that_the_app_no_longer_has_is_reported(handlers: Handlers) -> None:
    state, board, real, fake, start = handlers["page_answer_fake"](None, None)
    assert state is None
    assert "no longer has this game" in board
    assert [real.visible, fake.visible, start.visible] == [False, False, True]


def test_refused_files_keep_their_place_in_the_selection() -> None:
    def file(name: str) -> FileData:
        return FileData(path=f"/uploads/{name}", orig_name=name)

    def refused(index: int, name: str, reason: str) -> dict[str, Any]:
        return {"index": index, "name": name, "reason": reason}

    arranged = arrange([file("b"), file("d")], [refused(0, "a", "large"), refused(2, "c", "lost")])
    assert [name for name, _ in arranged] == ["a", "b", "c", "d"]
    assert "more than 32 MiB" in str(arranged[0][1])
    assert arrange([], []) == []
    assert len(arrange([file("b")] * (MOST_FILES - 1), [refused(0, "a", "large")])) == MOST_FILES
    with pytest.raises(RequestError, match="more than 2,000 files"):
        arrange([file("b")] * MOST_FILES, [refused(0, "a", "large")])


@pytest.mark.parametrize(
    "refused",
    [
        *(None, "abc", {"index": 0}, ["abc"], [None], [{"index": 0, "name": "a"}]),
        *([{"index": 0, "name": "a", "reason": each}] for each in ("away", ["large"], None)),
        *([{"index": each, "name": "a", "reason": "large"}] for each in ("0", 1 << 64)),
    ],
    ids=str,
)
def test_a_malformed_list_of_refused_files_is_reported(handlers: Handlers, refused: object) -> None:
    event = gr.EventData(None, {"run": 1, "refused": refused})
    with pytest.raises(gr.Error, match=UNREADABLE_LIST):
        next(handlers["page_many"](None, {"run": -1}, event, None))


def test_a_check_ends_once_it_or_a_later_one_is_stopped(handlers: Handlers) -> None:
    stopped = {"run": -1}
    refused = [{"index": index, "name": "a", "reason": "lost"} for index in range(200)]
    checks = [
        handlers["page_many"](None, stopped, gr.EventData(None, {"run": run, "refused": refused}), None)
        for run in (1, 2, 3)
    ]
    assert [len(next(check)[0]["rows"]) for check in checks] == [64, 64, 64]
    handlers["page_many_stop"](stopped, gr.EventData(None, {"run": 2}))
    first, second, third = (list(check) for check in checks)
    assert first == second == []
    assert third[-1][0]["finished"]


def test_a_run_that_is_no_number_is_not_sent_back(handlers: Handlers) -> None:
    event = gr.EventData(None, {"run": {"path": "/etc/passwd"}, "refused": []})
    value, _ = next(handlers["page_many"](None, {"run": -1}, event, None))
    assert value == {"run": 0, "rows": [], "total": 0, "finished": True}
