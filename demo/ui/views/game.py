"""*Beat the discriminator*: can you tell real from fake better than the model?"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from demo.api.endpoints import errors_shown
from demo.inference.check import Checked, check_bytes
from demo.insight.game import CARDS, Card, Round, deal, real_digits
from demo.ui.events import event_text
from demo.ui.html import pixels_image
from demo.ui.page import Page, private_event
from demo.ui.texts import Texts
from demo.ui.widgets.picture_area import decode_png_url, picture_area, read_message

OWN_DIGITS: Final = 5
"""How many digits the player draws if no real ones are available: half a round."""

_CLEAR_PAD_SCRIPT: Final = """
watch('value', () => {
  if (element.querySelector('[data-added]')?.dataset.added) {
    document.querySelector('#own-area .area-clear').click();
  }
});
"""


def add_game(page: Page) -> None:
    """Build the view: one digit at a time with two buttons; without MNIST, first a pad to draw on."""
    if not page.engine.generators:
        page.paragraph("game.no-generator")
        return
    reals = real_digits()
    own = gr.State(())
    if reals is None:
        _add_own_digits(page, own)
    state = gr.State(None)
    source = "game.from-you" if reals is None else "game.from-mnist"
    board = page.html(
        lambda text: f"<p>{text('game.rules', count=CARDS)}</p><p>{text(source)}</p>", elem_id="board"
    )
    with gr.Row(elem_id="game-answers"):
        real = gr.Button(page.label("game.real"), visible=False, elem_id="answer-real")
        fake = gr.Button(page.label("game.fake"), visible=False, elem_id="answer-fake")
    start = gr.Button(page.label("game.start"), variant="primary", elem_id="start-game")
    outputs = [state, board, real, fake, start]

    def shown(current: Round | None, content: str, asking: bool) -> list[Any]:
        answer = gr.Button(visible=asking)
        return [current, content, answer, answer, gr.Button(visible=not asking)]

    def show(current: Round, text: Texts) -> list[Any]:
        if current.over:
            return shown(current, _outcome(current, text), asking=False)
        return shown(current, _question(current, text), asking=True)

    def begin(drawn: tuple[Checked, ...], request: gr.Request) -> list[Any]:
        text = page.texts(request)
        if reals is None and len(drawn) < OWN_DIGITS:
            missing = text("game.draw-first", count=OWN_DIGITS - len(drawn))
            return shown(None, _status(missing), asking=False)
        digits = _pixels(drawn) if reals is None else reals
        with errors_shown():
            return show(deal(page.engine, digits, np.random.default_rng()), text)

    def answer_with(fake: bool) -> Callable[..., list[Any]]:
        def answer(current: Round | None, request: gr.Request) -> list[Any]:
            text = page.texts(request)
            if current is None:
                # The buttons are visible only in a game, so the app was restarted or the session expired.
                return shown(None, _status(text("game.gone")), asking=False)
            return show(current.answer(fake), text)

        return answer

    events = private_event() | {"trigger_mode": "once"}
    start.click(begin, own, outputs, api_name="page_game", **events)
    real.click(answer_with(False), state, outputs, api_name="page_answer_real", **events)
    fake.click(answer_with(True), state, outputs, api_name="page_answer_fake", **events)


def _add_own_digits(page: Page, own: gr.State) -> None:
    """Add a pad on which the player draws the real digits; `own` collects them."""
    page.paragraph("game.own")
    _, message = picture_area(page, draw_only=True, elem_id="own-area")
    board = gr.HTML("", js_on_load=_CLEAR_PAD_SCRIPT, apply_default_css=False, elem_id="own-board")

    def collect(
        drawn: tuple[Checked, ...], message: object, request: gr.Request
    ) -> tuple[tuple[Checked, ...], object]:
        text = page.texts(request)
        event = read_message(message)
        if event_text(event, "kind") != "drawn":
            return drawn, gr.skip()
        checked = check_bytes(page.engine, "", decode_png_url(event_text(event, "png")))
        if checked.pixels is None or checked.answer.verdict == "not a digit":
            return drawn, _own(drawn, text("game.own-not-a-digit"))
        # With more drawings than needed, the latest ones are used.
        drawn = (*drawn, checked)[-OWN_DIGITS:]
        return drawn, _own(drawn, text("game.own-count", count=len(drawn), needed=OWN_DIGITS), added=True)

    events = private_event() | {"trigger_mode": "once"}
    message.input(collect, [own, message], [own, board], api_name="page_own", **events)


def _own(drawn: Sequence[Checked], status: str, *, added: bool = False) -> str:
    """Return the drawn digits and a status. added: the script clears the pad."""
    pictures = "".join(map(pixels_image, _pixels(drawn))) if drawn else ""
    stamp = time.monotonic_ns() if added else ""
    return f'<div class="own-digits" data-added="{stamp}">{pictures}</div>{_status(status)}'


def _pixels(drawn: Sequence[Checked]) -> NDArray[np.uint8]:
    return np.stack([each.pixels for each in drawn if each.pixels is not None])


def _status(status: str) -> str:
    return f'<p role="status">{status}</p>'


def _question(current: Round, text: Texts) -> str:
    """Return the digit to judge, preceded by what the last one was."""
    number = len(current.answers)
    before = ""
    if number:
        before = f"<p>{text('game.before', number=number)} {_revealed(*current.answered[-1], text)}</p>"
    score = text("game.score", player=current.player_score, model=current.model_score)
    picture = _picture(current.cards[number], text("game.picture", number=number + 1))
    return (
        f'<div class="card"><div role="status" aria-live="polite">{before}'
        f"<p><strong>{text('game.number', number=number + 1, count=CARDS)}</strong> {score}</p></div>"
        f"{picture}</div>"
    )


def _picture(card: Card, alternative: str = "") -> str:
    assert card.checked.pixels is not None
    return pixels_image(card.checked.pixels, alternative)


def _revealed(card: Card, answer: bool, text: Texts) -> str:
    """Return the card's truth, and whether the player and the model were right."""
    truth = text("game.was-fake" if card.fake else "game.was-real")
    player = text("game.you-right" if answer == card.fake else "game.you-wrong")
    right = card.model_answers_fake == card.fake
    number = f"{card.checked.answer.fake_probability or 0:.4f}"
    return f"{truth} {player} {text('game.model-right' if right else 'game.model-wrong', probability=number)}"


def _outcome(current: Round, text: Texts) -> str:
    """Return the scores, the cards that fooled both, and the rest."""
    player, model = current.player_score, current.model_score
    who = "game.won" if player > model else "game.lost" if player < model else "game.drawn"
    both = current.fooled_both
    rest = [each for each in current.answered if each not in both]
    return (
        f'<div class="outcome"><div role="status"><p class="result-verdict">{text(who)}</p>'
        f"<p>{text('game.scores', player=player, model=model, count=CARDS)}</p></div>"
        f"<h3>{text('game.fooled' if both else 'game.fooled-none')}</h3>"
        f"{_cards(both, text)}"
        f"<h3>{text('game.others' if both else 'game.all')}</h3>{_cards(rest, text)}</div>"
    )


def _cards(answered: Sequence[tuple[Card, bool]], text: Texts) -> str:
    items = "".join(
        f'<li data-tone="{"fake" if card.fake else "real"}">{_picture(card)}'
        f"<p>{_revealed(card, answer, text)}</p></li>"
        for card, answer in answered
    )
    return f'<ul class="cards">{items}</ul>'
