"""*Beat the discriminator*: can you tell real from fake better than the model?"""

import time
from typing import Any, Final

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from demo.decoder.images import LARGEST_FILE_BYTES
from demo.errors import RequestError
from demo.inference.check import Checked, check_bytes
from demo.insight.digits import real_digits
from demo.insight.game import CARDS, Card, Round, deal
from demo.ui.events import event_text
from demo.ui.html import pixels_image, probability_to_show
from demo.ui.page import Page, private_event
from demo.ui.texts import Words
from demo.ui.views.check import decode_png_url
from demo.ui.widgets.picture_area import picture_area, read_news

OWN_DIGITS: Final = 5
"""How many the player draws where no real digits are at hand: half a round."""

_WIPE: Final = """
watch('value', () => {
  if (element.querySelector('[data-added]')?.dataset.added) {
    document.querySelector('#own-area .area-clear').click();
  }
});
"""


def add_game(page: Page) -> None:
    """Lay out the view: a digit at a time with two buttons; without MNIST at hand, first a pad to draw on."""
    if not page.engine.generators:
        gr.HTML(page.block(lambda words: f"<p>{words('game.no-generator')}</p>"), apply_default_css=False)
        return
    reals = real_digits()
    own = gr.State(())
    if reals is None:
        add_own_digits(page, own)
    state = gr.State(None)
    board = gr.HTML(
        page.block(lambda words: _rules(words, reals is not None)), apply_default_css=False, elem_id="board"
    )
    with gr.Row(elem_id="game-answers"):
        real = gr.Button(page.say("game.real"), visible=False, elem_id="say-real")
        fake = gr.Button(page.say("game.fake"), visible=False, elem_id="say-fake")
    start = gr.Button(page.say("game.start"), variant="primary", elem_id="start-game")
    outputs = [state, board, real, fake, start]

    def begin(drawn: tuple[Checked, ...], request: gr.Request) -> list[Any]:
        words = page.words(request)
        if reals is None and len(drawn) < OWN_DIGITS:
            text = words("game.draw-first", count=OWN_DIGITS - len(drawn))
            return [None, f'<p role="status">{text}</p>', *3 * [gr.skip()]]
        digits = reals if reals is not None else _pixels(drawn)
        try:
            return shown(deal(page.engine, digits, np.random.default_rng()), words)
        except RequestError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def shown(current: Round, words: Words) -> list[Any]:
        asking = not current.over
        html = _question(current, words) if asking else _outcome(current, words)
        again = gr.Button(visible=not asking)
        return [current, html, gr.Button(visible=asking), gr.Button(visible=asking), again]

    def answer_with(fake: bool) -> Any:
        def answer(current: Round | None, request: gr.Request) -> list[Any]:
            words = page.words(request)
            if current is None:
                # The buttons are there only in a game: the app has forgotten it, or was started anew.
                gone = f'<p role="status">{words("game.gone")}</p>'
                hidden = gr.Button(visible=False)
                return [None, gone, hidden, hidden, gr.Button(visible=True)]
            return shown(current.answer(fake), words)

        return answer

    events = private_event() | {"trigger_mode": "once"}
    start.click(begin, own, outputs, api_name="page_game", **events)
    real.click(answer_with(False), state, outputs, api_name="page_say_real", **events)
    fake.click(answer_with(True), state, outputs, api_name="page_say_fake", **events)


def add_own_digits(page: Page, own: gr.State) -> None:
    """Add a pad on which the player draws the digits that are the real ones; `own` collects them."""
    gr.HTML(page.block(lambda words: f"<p>{words('game.own')}</p>"), apply_default_css=False)
    _, news = picture_area(LARGEST_FILE_BYTES, page.both("area."), draw_only=True, elem_id="own-area")
    told = gr.HTML("", js_on_load=_WIPE, apply_default_css=False, elem_id="own-told")

    def collect(
        drawn: tuple[Checked, ...], news: str | None, request: gr.Request
    ) -> tuple[tuple[Checked, ...], object]:
        words = page.words(request)
        event = read_news(news)
        if event_text(event, "kind") != "drawn":
            return drawn, gr.skip()
        checked = check_bytes(page.engine, "", decode_png_url(event_text(event, "png")))
        if checked.pixels is None or checked.answer.verdict == "not a digit":
            return drawn, _own(drawn, words("game.own-not-a-digit"))
        # The latest ones: who goes on drawing plays with those.
        drawn = (*drawn, checked)[-OWN_DIGITS:]
        return drawn, _own(drawn, words("game.own-count", count=len(drawn), needed=OWN_DIGITS), added=True)

    news.input(
        collect, [own, news], [own, told], api_name="page_own", **private_event() | {"trigger_mode": "once"}
    )


def _own(drawn: tuple[Checked, ...], said: str, *, added: bool = False) -> str:
    """The digits that were drawn, and what to know; the pad is wiped once one was added."""
    pictures = "".join(pixels_image(each.pixels, "") for each in drawn if each.pixels is not None)
    return (
        f'<div class="own-digits" data-added="{time.monotonic_ns() if added else ""}">{pictures}</div>'
        f'<p role="status">{said}</p>'
    )


def _pixels(drawn: tuple[Checked, ...]) -> NDArray[np.uint8]:
    return np.stack([each.pixels for each in drawn if each.pixels is not None])


def _rules(words: Words, mnist: bool) -> str:
    source = words("game.from-mnist" if mnist else "game.from-you")
    return f"<p>{words('game.rules', count=CARDS)}</p><p>{source}</p>"


def _question(current: Round, words: Words) -> str:
    """The digit to judge, after what was said of the one before."""
    number = len(current.answers)
    before = (
        f"<p>{words('game.before', number=number)} {_told(*current.answered[-1], words)}</p>"
        if number
        else ""
    )
    score = words("game.score", player=current.player_score, model=current.model_score)
    pixels = current.cards[number].checked.pixels
    assert pixels is not None
    return (
        f'<div class="card"><div role="status" aria-live="polite">{before}'
        f"<p><strong>{words('game.number', number=number + 1, count=CARDS)}</strong> {score}</p></div>"
        f"{pixels_image(pixels, words('game.picture', number=number + 1))}</div>"
    )


def _told(card: Card, answer: bool, words: Words) -> str:
    """What a card was, and who knew."""
    truth = words("game.was-fake" if card.fake else "game.was-real")
    player = words("game.you-right" if answer == card.fake else "game.you-wrong")
    right = card.model_says_fake == card.fake
    number = f"{probability_to_show(card.checked.answer) or 0:.4f}"
    model = words("game.model-right" if right else "game.model-wrong", probability=number)
    return f"{truth} {player} {model}"


def _outcome(current: Round, words: Words) -> str:
    """The scores, the cards that fooled both, and all of them."""
    player, model = current.player_score, current.model_score
    who = "game.won" if player > model else "game.lost" if player < model else "game.drawn"
    both = current.fooled_both
    fooled = words("game.fooled" if both else "game.fooled-none")
    rest = [(card, answer) for card, answer in current.answered if card not in both]
    return (
        f'<div class="outcome"><div role="status"><p class="result-verdict">{words(who)}</p>'
        f"<p>{words('game.scores', player=player, model=model, count=CARDS)}</p></div>"
        f"<h3>{fooled}</h3>{_cards([(card, not card.fake) for card in both], words)}"
        f"<h3>{words('game.others' if both else 'game.all')}</h3>{_cards(rest, words)}</div>"
    )


def _cards(answered: list[tuple[Card, bool]], words: Words) -> str:
    items = ""
    for card, answer in answered:
        assert card.checked.pixels is not None
        tone = "fake" if card.fake else "real"
        picture = pixels_image(card.checked.pixels, "")
        items += f'<li data-tone="{tone}">{picture}<p>{_told(card, answer, words)}</p></li>'
    return f'<ul class="cards">{items}</ul>'
