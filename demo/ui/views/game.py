"""*Beat the discriminator*: can you tell real from fake better than the model?"""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import numpy as np

from demo.api.endpoints import errors_shown
from demo.insight.game import CARDS, Card, Round, deal, real_digits
from demo.ui.html import pixels_image
from demo.ui.page import Page, private_event
from demo.ui.texts import Texts


def add_game(page: Page) -> None:
    """Build the view: one digit at a time with two buttons."""
    reals = real_digits(page.engine.manifest)
    if reals is None or not page.engine.generators:
        page.paragraph("game.nothing")
        return
    state = gr.State(None)
    board = page.html(
        lambda text: f"<p>{text('game.rules', count=CARDS)}</p><p>{text('game.from-mnist')}</p>",
        elem_id="board",
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

    def begin(request: gr.Request) -> list[Any]:
        with errors_shown():
            return show(deal(page.engine, reals, np.random.default_rng()), page.texts(request))

    def answer_with(fake: bool) -> Callable[..., list[Any]]:
        def answer(current: Round | None, request: gr.Request) -> list[Any]:
            text = page.texts(request)
            if current is None:
                # The buttons are visible only in a game, so the app was restarted or the session expired.
                return shown(None, _status(text("game.gone")), asking=False)
            return show(current.answer(fake), text)

        return answer

    events = private_event() | {"trigger_mode": "once"}
    start.click(begin, None, outputs, api_name="page_game", **events)
    real.click(answer_with(False), state, outputs, api_name="page_answer_real", **events)
    fake.click(answer_with(True), state, outputs, api_name="page_answer_fake", **events)


def _status(status: str) -> str:
    return f'<p role="status">{status}</p>'


def _question(current: Round, text: Texts) -> str:
    """Return the digit to judge, preceded by what the last one was."""
    number = len(current.answers)
    before = ""
    if number:
        last, answer = current.answered[-1]
        revealed = f"{text('game.before', number=number)} {_revealed(last, answer, text)}"
        before = f'<div class="last" data-tone="{_tone(last)}">{_picture(last)}<p>{revealed}</p></div>'
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


def _tone(card: Card) -> str:
    return "fake" if card.fake else "real"


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
        f'<li data-tone="{_tone(card)}">{_picture(card)}<p>{_revealed(card, answer, text)}</p></li>'
        for card, answer in answered
    )
    return f'<ul class="cards">{items}</ul>'
