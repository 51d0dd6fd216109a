"""*Many files*, in a real browser against a real server."""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from gradio.data_classes import FileData
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from demo.api.uploads import NOT_UPLOADED
from demo.batch.many import MOST_FILES, Sent
from demo.decoder.images import LARGEST_FILE_BYTES, encode_png
from demo.errors import RequestError
from demo.inference.check import check_bytes
from demo.inference.engine import Engine
from demo.ui.views.many import UNCLEAR, arrange
from tests.demo.api.test_uploads import ADDRESSES, sent_by_the_page
from tests.demo.batch.test_archive import zip_bytes
from tests.support.accessibility import serious
from tests.support.driving import FOUR_DECIMALS, open_view, overflow, picture_bytes, shown
from tests.support.tabs import both_sizes, on_a_phone

SEVEN = picture_bytes()
SQUARE = encode_png(np.pad(np.full((60, 60), 255, np.uint8), 20))
# Takes a while each, so that many of them can be stopped before the last.
LARGE = encode_png(np.pad(np.full((1200, 1200), 255, np.uint8), 400))
FINISHED = re.compile(r"in \d+\.\d s")


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def send(page: Page, files: dict[str, bytes]) -> None:
    page.set_input_files(".files-input", [payload(name, content) for name, content in files.items()])


def check(page: Page, files: dict[str, bytes]) -> None:
    """Choose files in the view and wait until all have been checked."""
    open_view(page, "many")
    send(page, files)
    expect(page.locator(".files-says")).to_contain_text(FINISHED)


def drop(page: Page, count: int) -> None:
    """Drop so many small files on the page."""
    page.evaluate(
        """count => {
            const dataTransfer = new DataTransfer();
            for (let index = 0; index < count; index += 1)
                dataTransfer.items.add(new File(['no picture'], `${index}.txt`));
            const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
            document.querySelector('.files-zone').dispatchEvent(drop);
        }""",
        count,
    )


def names(page: Page) -> list[str]:
    return page.locator(".answers-rows .answers-file").all_text_contents()


def cells(page: Page, name: str) -> list[str]:
    row = page.locator(".answers-rows tr", has=page.get_by_text(name, exact=True))
    return [text.strip() for text in row.locator("td").all_text_contents()]


def saved(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.mark.browser
def test_files_and_a_zip_are_answered_as_by_the_engine(page: Page, product_engine: Engine) -> None:
    check(
        page,
        {
            "b.png": SEVEN,
            "digits.zip": zip_bytes({"10.png": SEVEN, "9.png": SEVEN}),
            "=bad.png": b"not a picture",
            "<b>方.png": SQUARE,
        },
    )
    expect(page.locator(".files-says")).to_contain_text("5 in ")
    expect(page.locator(".files-says")).to_contain_text("; 1 could not be judged.")
    assert names(page) == ["b.png", "digits.zip/10.png", "digits.zip/9.png", "=bad.png", "<b>方.png"]
    seven = check_bytes(product_engine, "b.png", SEVEN).answer
    assert seven.verdict is not None
    assert cells(page, "b.png")[1:4] == [
        seven.verdict.capitalize(), f"{seven.fake_probability:.4f}", str(seven.digit)
    ]  # fmt: skip
    assert cells(page, "<b>方.png")[1:] == ["Not a digit", "", "", ""]
    assert "no picture that can be read" in cells(page, "=bad.png")[4]

    name, content = saved(page, "Save all as JSON")
    answers = json.loads(content)
    assert name == "touchstone.json"
    assert [each["file"] for each in answers] == names(page)
    expected = [
        check_bytes(product_engine, each, source).answer.as_dict()
        for each, source in (("b.png", SEVEN), ("<b>方.png", SQUARE))
    ]
    for got, wanted in zip((answers[0], answers[4]), expected, strict=True):
        assert list(got) == list(wanted)
        assert got == pytest.approx(wanted, abs=1e-6)
    assert answers[4]["fake_probability"] is not None

    name, content = saved(page, "Save all as CSV")
    assert name == "touchstone.csv"
    # The mark that Excel needs, because a name is not ASCII.
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    assert next(iter(rows[0])) == "\ufefffile"
    assert [each["\ufefffile"] for each in rows][3:] == ["'=bad.png", "<b>方.png"]
    assert float(rows[4]["fake_probability"]) == answers[4]["fake_probability"]


@pytest.mark.browser
@on_a_phone
def test_rows_sort_and_filter_in_the_browser(page: Page, product_engine: Engine) -> None:
    sizes = {f"{index}.png": picture_bytes((120, 130 + 20 * index)) for index in (10, 1, 2)}
    check(page, {**sizes, "bad.txt": b"no", "square.png": SQUARE})
    header = page.get_by_role("columnheader", name="File")
    header.get_by_role("button").click()
    assert names(page) == ["1.png", "2.png", "10.png", "bad.txt", "square.png"]
    expect(header).to_have_attribute("aria-sort", "ascending")
    header.get_by_role("button").click()
    assert names(page) == ["square.png", "bad.txt", "10.png", "2.png", "1.png"]
    expect(header).to_have_attribute("aria-sort", "descending")
    known = {
        name: check_bytes(product_engine, name, content).answer.fake_probability or 0
        for name, content in sizes.items()
    }
    by_number = page.get_by_role("columnheader", name="P(fake | x)").get_by_role("button")
    by_number.click()
    assert names(page) == [*sorted(known, key=known.__getitem__), "bad.txt", "square.png"]
    by_number.click()
    # What has no number stays last.
    assert names(page)[3:] == ["bad.txt", "square.png"]
    page.get_by_role("button", name="Not a digit 1").click()
    assert names(page) == ["square.png"]
    expect(page.locator(".answers-count")).to_have_text("1 of 5 shown")
    page.get_by_role("button", name="All 5").click()
    page.get_by_label("File name has").fill("PNG")
    assert "bad.txt" not in names(page)
    assert len(names(page)) == 4
    assert len(json.loads(saved(page, "Save all as JSON")[1])) == 5


@pytest.mark.browser
@pytest.mark.parametrize("layout", ["Table", "Gallery"])
def test_an_answer_opens_in_check(page: Page, product_engine: Engine, layout: str) -> None:
    check(page, {"bad.txt": b"no", "seven.png": SEVEN})
    answer = check_bytes(product_engine, "seven.png", SEVEN).answer
    page.get_by_role("button", name=layout, exact=True).click()
    opener = page.get_by_role("button", name="Open seven.png in Check")
    expect(opener).to_contain_text("seven.png" if layout == "Table" else f"{answer.fake_probability:.4f}")
    # By keyboard.
    opener.focus()
    opener.press("Enter")
    assert shown(page, "seven.png").fake == f"{answer.fake_probability:.4f}"


@pytest.mark.browser
def test_a_file_that_cannot_be_judged_opens_in_check_too(page: Page) -> None:
    check(page, {"bad.txt": b"no"})
    page.locator(".answers-rows tr").click()
    expect(page.locator("#result .result-says")).to_contain_text("no picture that can be read")


@pytest.mark.browser
@on_a_phone
def test_what_is_not_a_digit_shows_no_number(page: Page) -> None:
    check(page, {"square.png": SQUARE})
    page.get_by_role("button", name="Gallery").click()
    expect(page.locator(".answers-gallery")).to_contain_text("Not a digit")
    expect(page.locator(".answers")).not_to_contain_text(FOUR_DECIMALS)


@pytest.mark.browser
def test_too_many_files_and_none_are_said_and_nothing_is_lost(page: Page) -> None:
    check(page, {"seven.png": SEVEN})
    drop(page, MOST_FILES + 1)
    says = page.locator(".files-says")
    expect(says).to_contain_text("These are more than 2,000 files, and none was sent.")
    assert names(page) == ["seven.png"]
    drop(page, 0)
    expect(says).to_contain_text("more than 2,000")
    send(page, {"empty.zip": zip_bytes({".DS_Store": b"x"})})
    expect(says).to_contain_text("1 could not be judged.")
    assert "holds no files" in cells(page, "empty.zip")[4]


@pytest.mark.browser
@on_a_phone
def test_too_much_in_one_selection_is_said_and_nothing_is_sent(page: Page) -> None:
    open_view(page, "many")
    for words in ("Up to 2,000 pictures at once", "32 MiB, 512 MiB in all", "up to 64 pictures in one call"):
        expect(page.get_by_text(words)).to_be_visible()
    page.evaluate(
        """size => {
            const dataTransfer = new DataTransfer();
            const part = new Uint8Array(size);
            for (let index = 0; index < 17; index += 1)
                dataTransfer.items.add(new File([part], `${index}.png`));
            const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
            document.querySelector('.files-zone').dispatchEvent(drop);
        }""",
        LARGEST_FILE_BYTES,
    )
    says = page.locator(".files-says")
    expect(says).to_contain_text("These files have more than 512 MiB together, and none was sent.")


@pytest.mark.browser
def test_files_and_folders_can_be_dropped(page: Page, tmp_path: Path) -> None:
    (tmp_path / "set" / "inner").mkdir(parents=True)
    for name in ("set/1.png", "set/inner/2.png", "set/.hidden"):
        (tmp_path / name).write_bytes(SEVEN)
    open_view(page, "many")
    box = page.locator(".files-zone").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path / "set")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data}
        session.send("Input.dispatchDragEvent", place)
    expect(page.locator(".files-says")).to_contain_text(FINISHED)
    assert sorted(names(page)) == ["set/1.png", "set/inner/2.png"]
    drop(page, 2)
    expect(page.locator(".files-says")).to_contain_text("2 could not be judged.")


@pytest.mark.browser
def test_a_file_that_is_too_large_or_lost_gets_its_row(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as stream:
        stream.truncate(LARGEST_FILE_BYTES + 1)
    seven, lost = tmp_path / "seven.png", tmp_path / "lost.png"
    seven.write_bytes(SEVEN)
    lost.write_bytes(SEVEN + b"lost")
    open_view(page, "many")

    def lose(route: Route) -> None:
        sent = route.request.post_data_buffer or b""
        route.abort() if b"lost.png" in sent else route.continue_()

    page.route("**/upload**", lose)
    page.set_input_files(".files-input", [large, lost, seven])
    expect(page.locator(".files-says")).to_contain_text("2 could not be judged.")
    assert names(page) == ["large.png", "lost.png", "seven.png"]
    assert "more than 32 MiB" in cells(page, "large.png")[4]
    assert "could not be sent" in cells(page, "lost.png")[4]
    assert FOUR_DECIMALS.fullmatch(cells(page, "seven.png")[2])


@pytest.mark.browser
def test_sending_and_checking_can_be_stopped(page: Page) -> None:
    check(page, {"seven.png": SEVEN})
    held: list[Route] = []
    page.route("**/upload**", lambda route: held.append(route))
    send(page, {"a.png": SEVEN, "b.png": SEVEN})
    says, stop = page.locator(".files-says"), page.get_by_role("button", name="Stop")
    expect(says).to_have_text("Sending: 0 of 2")
    expect(page.get_by_role("progressbar")).to_be_visible()
    zone = page.locator(".files-zone")
    expect(zone).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Choose files")).to_be_disabled()
    stop.click()
    expect(says).to_contain_text("Stopped before")
    expect(stop).to_be_hidden()
    expect(zone).to_have_attribute("aria-busy", "false")
    page.unroute("**/upload**")
    assert len(held) == 2
    assert names(page) == ["seven.png"]
    many = {"many.zip": zip_bytes({f"{index}.png": LARGE for index in range(1500)})}
    send(page, many)
    expect(page.locator(".answers-rows tr").nth(60)).to_be_attached()
    stop.click()
    expect(says).to_contain_text("Stopped. What has been checked so far is kept.")
    first = len(names(page))
    assert 64 <= first < 1500
    send(page, {"after.png": SEVEN})
    expect(says).to_contain_text(FINISHED)
    assert names(page) == ["after.png"]
    # Another selection takes the place of one that is still being checked.
    send(page, many)
    expect(page.locator(".answers-rows tr").nth(60)).to_be_attached()
    send(page, {"last.png": SEVEN})
    expect(says).to_contain_text(FINISHED)
    assert names(page) == ["last.png"]


@pytest.mark.browser
@both_sizes
def test_nothing_stands_out_to_the_side_and_everything_has_a_name(page: Page) -> None:
    long = "a-name-" * 20 + ".png"
    check(page, {long: SEVEN, "bad.png": b"no", "square.png": SQUARE})
    assert overflow(page) <= 0
    buttons: Sequence[Locator] = page.locator(".files button:visible, .answers button:visible").all()
    assert len(buttons) > 10
    assert [each for each in buttons if not (each.inner_text() or each.get_attribute("aria-label"))] == []
    page.get_by_role("button", name="Gallery").click()
    assert overflow(page) <= 0


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.parametrize("scheme", ["light", "dark"])
@both_sizes
def test_axe_finds_nothing_serious(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    check(page, {"seven.png": SEVEN, "bad.png": b"no", "square.png": SQUARE})
    for layout in ("Table", "Gallery"):
        page.get_by_role("button", name=layout, exact=True).click()
        assert serious(page) == []


@pytest.mark.browser
def test_a_browser_set_to_chinese_gets_chinese(browser: Browser, product_server: str) -> None:
    page = browser.new_page(locale="zh-CN")
    page.goto(product_server + "?view=many")
    send(page, {"seven.png": SEVEN})
    expect(page.locator(".files-says")).to_contain_text("用时")
    expect(page.get_by_role("columnheader", name="结论")).to_be_visible()
    page.close()


def test_what_was_refused_stands_where_it_was_chosen() -> None:
    def file(name: str) -> FileData:
        return FileData(path=f"/uploads/{name}", orig_name=name)

    def away(index: int, name: str, reason: str) -> dict[str, Any]:
        return {"index": index, "name": name, "reason": reason}

    arranged = arrange([file("b"), file("d")], [away(2, "c", "lost"), away(0, "a", "large")])
    assert [each.name for each in arranged] == ["a", "b", "c", "d"]
    assert arranged[1] == Sent("b", Path("/uploads/b"))
    assert "more than 32 MiB" in str(arranged[0].source)
    assert arrange([], []) == []
    assert len(arrange([file("b")] * (MOST_FILES - 1), [away(0, "a", "large")])) == MOST_FILES
    with pytest.raises(RequestError, match="more than 2,000 files"):
        arrange([file("b")] * MOST_FILES, [away(0, "a", "large")])


@pytest.mark.parametrize(
    "refused",
    [
        None,
        "abc",
        {"index": 0},
        ["abc"],
        [None],
        [{"index": 0, "name": "a"}],
        [{"index": "0", "name": "a", "reason": "large"}],
        [{"index": -1, "name": "a", "reason": "large"}],
        [{"index": 1, "name": "a", "reason": "large"}],
        [{"index": 0, "name": {"text": "a"}, "reason": "large"}],
        [{"index": 0, "name": "a", "reason": "away"}],
        [{"index": 0, "name": "a", "reason": ["large"]}],
        [{"index": 0, "name": "a", "reason": "large"}] * 2,
    ],
    ids=str,
)
def test_what_is_not_clear_of_the_refused_is_said(server: str, refused: object) -> None:
    with pytest.raises(RequestError, match=re.escape(UNCLEAR)):
        arrange([], refused)
    answer = sent_by_the_page(server, "page_many", [[]], {"run": 1, "refused": refused})
    assert UNCLEAR in answer


def test_what_a_page_calls_its_run_is_no_file_to_gradio(server: str) -> None:
    file = {"path": ADDRESSES[0], "meta": {"_type": "gradio.FileData"}}
    answer = sent_by_the_page(server, "page_many", [[]], {"run": file, "refused": []})
    assert NOT_UPLOADED in answer
    assert ADDRESSES[0] not in answer


@pytest.mark.parametrize("event", [{"index": 0}, {"index": -1}, {"index": "0"}, {"index": None}, {}], ids=str)
def test_an_answer_that_is_no_longer_kept_is_said(server: str, event: dict[str, Any]) -> None:
    assert "no longer kept here" in sent_by_the_page(server, "page_many_open", [None], event)
