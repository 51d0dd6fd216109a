"""Actions on the app's page in a browser, and what can be read from it."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, Route, expect

from demo.insight.game import CARDS
from export.conformance import CONFORMANCE_FOLDER

FOUR_DECIMALS = re.compile(r"[01]\.\d{4}")


class Shown(NamedTuple):
    """The verdict and P(fake | x) of the result panel."""

    verdict: str
    fake: str


def picture_bytes(size: tuple[int, int] = (120, 160)) -> bytes:
    """Return a 7 in black ink on white paper, as a PNG."""
    width, height = size
    picture = Image.new("L", size, 255)
    corners = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
    points = [(x * width, y * height) for x, y in corners]
    ImageDraw.Draw(picture).line(points, fill=0, width=width // 9, joint="curve")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def open_view(page: Page, name: str) -> None:
    """Open a view by its address."""
    page.goto(page.url.split("?")[0] + f"?view={name}")
    expect(page.locator(f"#views [role=tab][data-tab-id={name}]")).to_have_attribute("aria-selected", "true")


def upload(page: Page, name: str, content: bytes, field: str = "#area .area-file") -> None:
    """Choose a file in *Check*."""
    payload: FilePayload = {"name": name, "mimeType": "image/png", "buffer": content}
    page.set_input_files(field, payload)


def hand_over(page: Page, files: dict[str, bytes], kind: str = "drop", size: int | None = None) -> None:
    """Drop or paste files on a page. size: what each claims to have, in bytes, in place of its own."""
    page.evaluate(
        """([files, kind, size]) => {
            const data = new DataTransfer();
            for (const [name, encoded] of files) {
                const bytes = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
                data.items.add(new File([bytes], name, { type: 'image/png' }));
            }
            if (size !== null)
                for (const file of data.files) Object.defineProperty(file, 'size', { value: size });
            const options = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(kind === 'drop'
                ? new DragEvent('drop', { dataTransfer: data, ...options })
                : new ClipboardEvent('paste', { clipboardData: data, ...options }));
        }""",
        [[[name, base64.b64encode(content).decode()] for name, content in files.items()], kind, size],
    )


def stroke(page: Page, points: list[tuple[float, float]], pad: str = "#area .pad") -> None:
    """Draw on a pad with the mouse; points as fractions of its width and height."""
    canvas = page.locator(pad)
    # While a page loads, its layout moves: hovering waits until the pad stands still.
    canvas.hover()
    box = canvas.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def drag(page: Page, target: str, start: tuple[float, float], shift: tuple[float, float]) -> None:
    """Drag a part of a page with the mouse.

    start: as fractions of the part's width and height. shift: in pixels, to the right and downwards.
    """
    x, y = start_of(page, target, start)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + shift[0], y + shift[1], steps=4)
    page.mouse.up()


def finger_drag(page: Page, target: str, start: tuple[float, float], shift: tuple[float, float]) -> None:
    """Drag a part of a page with a finger; see `drag`."""
    x, y = start_of(page, target, start)
    touch = page.context.new_cdp_session(page)
    for step in range(9):
        point = {"x": x + shift[0] * step / 8, "y": y + shift[1] * step / 8}
        kind = "touchMove" if step else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def start_of(page: Page, target: str, start: tuple[float, float]) -> tuple[float, float]:
    part = page.locator(target)
    part.scroll_into_view_if_needed()
    box = part.bounding_box()
    assert box is not None
    return box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]


def box_values(page: Page) -> list[int]:
    """Return the box over the picture, top, left, bottom and right in its pixels, as a screen reader does."""
    values = page.locator(".box-edge").evaluate_all("edges => edges.map((edge) => edge.ariaValueNow)")
    return [int(value) for value in values]


def finger_stroke(page: Page, pad: str) -> None:
    """Draw a line of 0.6 of a pad's height upwards with a finger."""
    box = page.locator(pad).bounding_box()
    assert box is not None
    finger_drag(page, pad, (0.5, 0.8), (0, -0.6 * box["height"]))


def use_check(page: Page) -> None:
    """Draw a 3."""
    stroke(page, [(0.3, 0.25), (0.5, 0.18), (0.68, 0.3), (0.5, 0.48), (0.7, 0.65), (0.5, 0.82), (0.28, 0.72)])
    expect(page.locator("#result .result-file")).to_have_text(re.compile("Your drawing|你写的数字"))


def use_box(page: Page) -> None:
    """Check a photograph, and move the box a little."""
    page.set_input_files("#area .area-file", CONFORMANCE_FOLDER / "photographed-7.png")
    expect(page.locator("#area .box-frame")).to_be_visible()
    drag(page, "#area .box-frame", (0.5, 0.5), (6, 6))
    expect(page.locator("#result .result:not([data-stale]) .seen")).to_contain_text("The box is")


def use_game(page: Page) -> None:
    """Answer every digit."""
    page.locator("#start-game").click()
    for number in range(2, CARDS + 1):
        page.locator("#answer-fake").click()
        expect(page.locator("#board .card strong")).to_contain_text(str(number))
    page.locator("#answer-real").click()
    expect(page.locator("#board .cards li")).to_have_count(CARDS)


def use_many(page: Page) -> None:
    """Check the pictures of the conformance pack."""
    pictures = sorted(CONFORMANCE_FOLDER.glob("*.png"))
    page.set_input_files(".files-input", pictures)
    expect(page.locator(".answers-rows tr")).to_have_count(len(pictures))


def use_elsewhere(page: Page) -> None:
    """Open every part."""
    expect(page.locator("#elsewhere-card")).to_be_visible()
    page.locator(".elsewhere details").evaluate_all("all => all.forEach(part => { part.open = true; })")


USES: Final[dict[str, Callable[[Page], None]]] = {
    "check": use_check,
    "generate": lambda page: expect(page.locator("#digit-grid .grid-digit")).to_have_count(16),
    "learn": lambda page: expect(page.locator("#learn-digit .chart")).to_be_visible(),
    "game": use_game,
    "many": use_many,
    "elsewhere": use_elsewhere,
}
"""Brings each view into the state in which it is looked at."""


def shown(page: Page, file: str) -> Shown:
    """Wait for the result of `file` on the page, and return its texts."""
    panel = page.locator("#result .result:not([data-stale])")
    expect(panel.locator(".result-file")).to_have_text(file)
    verdict = panel.locator(".result-verdict").inner_text()
    fake, real = (panel.locator(f".{kind}-probability").inner_text() for kind in ("fake", "real"))
    assert verdict in ("Fake", "Real", "Probably generated", "Probably handwritten")
    assert all(FOUR_DECIMALS.fullmatch(number) for number in (fake, real))
    assert round(float(fake) + float(real), 4) == 1
    seen = panel.get_by_alt_text("The picture as the model saw it")
    expect(seen).to_have_css("image-rendering", "pixelated")
    assert seen.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    return Shown(verdict, fake)


@contextmanager
def requests_held(page: Page, pattern: str) -> Iterator[None]:
    """Hold back requests to addresses that match a pattern, until the end of the block."""
    waiting: list[Route] = []
    held = True

    def handle(route: Route) -> None:
        if held:
            waiting.append(route)
        else:
            route.continue_()

    page.route(pattern, handle)
    yield
    held = False
    for route in waiting:
        route.continue_()


def overflow(page: Page) -> int:
    """Return by how many pixels the page extends beyond the right edge of the window.

    Leaves out elements that scroll or are cut off within another, such as wide code.
    """
    return int(
        page.evaluate(
            """() => {
                const contains = (part) => part.matches('.visually-hidden')
                    || ['auto', 'scroll'].includes(getComputedStyle(part).overflowX);
                const ends = [];
                const visit = (part) => {
                    if (!part.checkVisibility()) return;
                    ends.push(part.getBoundingClientRect().right);
                    if (!contains(part)) [...part.children].forEach(visit);
                };
                [...document.body.children].forEach(visit);
                return Math.max(...ends) - document.documentElement.clientWidth;
            }"""
        )
    )
