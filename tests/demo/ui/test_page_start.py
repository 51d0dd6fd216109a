"""How the page without a server starts: everything is asked for at once, and nothing twice."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from demo.contract import FROM_IMAGE, MANIFEST
from demo.inference.engine import MODELS_FOLDER
from demo.static_page.assemble import PAGE_FOLDER, assemble_page
from export.benchmark.static import serving

RUNTIME = "ort-wasm-simd-threaded.wasm.gzip"
PACK = Path(__file__).parents[3] / "demo" / "conformance"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the models that are committed."""
    page = tmp_path_factory.mktemp("start") / "page"
    assemble_page(page, MODELS_FOLDER)
    return page


def imported(module: str, folder: Path) -> set[str]:
    """A module of the page and all that it imports statically, and what they import."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            # npm's are whole in themselves.
            own = not name.startswith("ort")
            source = (folder / name).read_text(encoding="utf-8") if own else ""
            waiting += re.findall(r'^(?:import|export) .*?"\./([^"]+)";$', source, re.MULTILINE | re.DOTALL)
    return found


def test_all_that_the_first_answer_takes_is_asked_for_at_once() -> None:
    html = (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")
    modules = re.findall(r'<link rel="modulepreload" href="([^"]+)">', html)
    assert len(modules) == len(set(modules))
    assert {"main.mjs", *modules} == imported("main.mjs", PAGE_FOLDER) | imported("engine.mjs", PAGE_FOLDER)
    others = re.findall(r'<link rel="preload" href="([^"]+)" as="fetch" crossorigin>', html)
    assert others == [MANIFEST, RUNTIME, f"{FROM_IMAGE}.onnx"]


@pytest.mark.node
@pytest.mark.browser
def test_nothing_comes_twice_before_the_first_answer(browser: Browser, folder: Path) -> None:
    with serving(folder) as served:
        # It fetches all files again, to keep them, once the answer stands.
        page = browser.new_page(service_workers="block")
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(served.address)
        page.set_input_files("#file", PACK / "drawn-3.png")
        expect(page.locator("#fake-probability")).to_have_text(re.compile(r"^[01]\.\d{4}$"), timeout=60_000)
        # The browser itself may look at the icon again.
        asked = [path for path in served.asked if path != "/icon.svg"]
        assert len(asked) == len(set(asked))
        assert f"/{RUNTIME}" in asked
        assert [line for line in said if "preload" in line] == []
        page.close()


@pytest.mark.node
@pytest.mark.browser
@pytest.mark.parametrize("broken", [b"no gzip", b""], ids=["something else", "nothing"])
def test_a_runtime_that_is_broken_is_one_sentence(browser: Browser, folder: Path, broken: bytes) -> None:
    with serving(folder) as served:
        page = browser.new_page(service_workers="block")
        page.route(f"**/{RUNTIME}", lambda route: route.fulfill(body=broken))
        page.goto(served.address)
        page.set_input_files("#file", PACK / "drawn-3.png")
        expect(page.locator("#ready")).to_contain_text("The model could not be loaded", timeout=60_000)
        expect(page.locator("#says")).to_have_text("The model could not be loaded; reload the page.")
        page.close()
