"""What tests share: a data set (MNIST where it is at hand), a trained run, published models, a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect, sync_playwright

from demo.inference.engine import MODELS_FOLDER, Engine
from export.__main__ import main as export_main
from export.benchmark.chromium import CHROMIUM_FLAGS, find_browser
from export.generator import export_generator
from tests.support.detectors import export_tiny, quick_gate
from tests.support.generators import LATENT, SegmentGenerator
from tests.support.handwriting import TEST_COUNT, large_digits, small_digits, write_data_set
from tests.support.node import prepared
from tests.support.serving import served_app
from tests.support.shared import built_once
from tests.support.tabs import Tabs
from train.__main__ import main as train_main
from train.data.mnist import DATA_VARIABLE, DATASETS, load
from train.generators.conditional_gan import ConditionalGan


def pytest_configure() -> None:
    """One thread for each process that tests, and for those it starts: with as many processes as cores, more
    threads only wait for a core, and burn it while they wait.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless they are asked for, and without a browser or Node those that need them.

    It says so; where `CI` is set, browser and Node are needed, and their tests fail without.
    """
    if not config.getoption("-m"):
        leave_out(config, items, "slow", "run them with: pytest -m slow")
    if os.environ.get("CI"):
        return
    if not find_browser():
        leave_out(config, items, "browser", "install one with: python -m playwright install chromium")
    if not find_npm():
        leave_out(config, items, "node", "install Node.js 20 or newer with npm: nodejs.org")
    elif not prepared():
        leave_out(config, items, "node", "fetch their packages once with: python -m tests.support.node")


def leave_out(config: pytest.Config, items: list[pytest.Item], marker: str, remedy: str) -> None:
    """Take the tests that carry a marker out of those to run."""
    marked = [item for item in items if item.get_closest_marker(marker)]
    if marked:
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if item not in marked]
        print(f"{len(marked)} {marker} tests left out; {remedy}")


def find_npm() -> str | None:
    """The path of npm, where Node is installed beside it, or None."""
    return shutil.which("npm") if shutil.which("node") else None


@pytest.fixture(scope="session")
def browser_path() -> str:
    """A Chromium to drive; fails where there is none."""
    path = find_browser()
    if path is None:
        pytest.fail("No Chromium; install one with: python -m playwright install chromium")
    return path


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    """A headless Chromium, one a module: other tests start Playwright on their own in between."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path, args=CHROMIUM_FLAGS)
        # A busy machine takes longer than the usual five seconds.
        expect.set_options(timeout=30_000)
        yield chromium
        expect.set_options(timeout=None)
        chromium.close()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the app with the models that are committed."""
    with served_app() as address:
        yield address


@pytest.fixture(scope="session")
def product_server(product_models: Path) -> Iterator[str]:
    """The app with a product of known weights: each stroke and picture of these tests gets a number."""
    with served_app("--models", str(product_models)) as address:
        yield address


@pytest.fixture(scope="session")
def tool_server() -> Iterator[str]:
    """The address of the app with its MCP server, and the models that are committed."""
    with served_app("--mcp") as address:
        yield address


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Tabs:
    """The pages that tests of a module use one after the other."""
    return Tabs(browser)


@pytest.fixture
def page(tabs: Tabs, product_server: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The app's page as on a first visit, wide unless a test is marked with another size."""
    with tabs.visit(product_server, getattr(request, "param", "wide")) as page:
        expect(page.locator("#area canvas")).to_be_visible()
        yield page


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a data set of 28x28 digits: MNIST where `TOUCHSTONE_DATA` is set, else scikit-learn's."""
    if os.environ.get(DATA_VARIABLE):
        yield "mnist"
        return
    folder = tmp_path_factory.mktemp("data")
    DATASETS["large-digits"] = write_data_set(folder / "large-digits", *large_digits())
    os.environ[DATA_VARIABLE] = str(folder)
    yield "large-digits"
    del os.environ[DATA_VARIABLE], DATASETS["large-digits"]


@pytest.fixture(scope="session")
def some_digits(dataset: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a data set of 28x28 digits: a tenth of MNIST where it is at hand, with so few test digits
    that scoring all of them is quick; else `dataset`.
    """
    if dataset != "mnist":
        yield dataset
        return
    train, test = (load(dataset, split) for split in ("train", "test"))
    images = torch.cat([train.images[:6000], test.images[:TEST_COUNT]]).numpy()
    labels = torch.cat([train.labels[:6000], test.labels[:TEST_COUNT]]).numpy().astype(np.uint8)
    folder = tmp_path_factory.mktemp("some")
    # What else is at hand stays so.
    for known in Path(os.environ[DATA_VARIABLE]).resolve().iterdir():
        (folder / known.name).symlink_to(known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "some-mnist", write_data_set(folder / "some-mnist", images, labels))
        patch.setenv(DATA_VARIABLE, str(folder))
        yield "some-mnist"


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a data set of 28x28 digits few enough that what goes through all of them is quick."""
    folder = tmp_path_factory.mktemp("few")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "few-digits", write_data_set(folder / "few-digits", *large_digits()))
        patch.setenv(DATA_VARIABLE, str(folder))
        yield "few-digits"


@pytest.fixture(scope="module")
def narrow() -> Iterator[None]:
    """A pair so narrow that its samples, tens of thousands for the gate, take seconds."""
    ConditionalGan.width, before = 8, ConditionalGan.width
    yield
    ConditionalGan.width = before


@pytest.fixture
def small_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of another data set, of 8x8 digits: an entry and four files, as a user would add it."""
    entry = write_data_set(tmp_path / "data" / "small-digits", *small_digits())
    monkeypatch.setitem(DATASETS, "small-digits", entry)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    return "small-digits"


@pytest.fixture(scope="session")
def smoke_run(some_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run made by `python -m train tutorial --preset smoke`; everybody's."""

    def build(runs: Path) -> None:
        # As many steps as one pass over the whole of MNIST.
        epochs = "10" if some_digits == "some-mnist" else "40"
        options = ["--preset", "smoke", "--dataset", some_digits, "--epochs", epochs]
        assert train_main(["tutorial", *options, "--runs", str(runs)]) == 0

    return built_once(tmp_path_factory, "smoke", build) / "tutorial-smoke"


@pytest.fixture(scope="session")
def published_run(smoke_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the smoke run whose steps were recorded, and which was published to `models` beside it by
    `python -m export run`; everybody's.
    """

    def build(folder: Path) -> None:
        run = Path(shutil.copytree(smoke_run, folder / smoke_run.name))
        assert train_main(["trace", str(run)]) == 0
        assert export_main(["run", str(run), "--models", str(folder / "models")]) == 0

    return built_once(tmp_path_factory, "published", build) / smoke_run.name


@pytest.fixture(scope="session")
def smoke_models(published_run: Path) -> Path:
    """A models folder with the tutorial's pair and no product; everybody's."""
    return published_run.parent / "models"


@pytest.fixture(scope="session")
def generator_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that are committed, but for a `generator.onnx` of a tiny network, quick to export anew."""

    def build(folder: Path) -> None:
        models = Path(shutil.copytree(MODELS_FOLDER, folder / "models"))
        with pytest.MonkeyPatch.context() as patch:
            quick_gate(patch)
            export_generator(SegmentGenerator(), LATENT, folder / "run", "none: segments", "MIT", models, {})

    return built_once(tmp_path_factory, "generator", build) / "models"


@pytest.fixture(scope="session")
def product_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that are committed, but for a product of known weights: what it says never changes."""

    def build(folder: Path) -> None:
        export_tiny(Path(shutil.copytree(MODELS_FOLDER, folder / "models")))

    return built_once(tmp_path_factory, "product", build) / "models"


@pytest.fixture(scope="session")
def product_engine(product_models: Path) -> Engine:
    """The engine over `product_models`, on the CPU."""
    return Engine.load(product_models, "cpu")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The models that are committed, on the CPU; it is the product that scores."""
    return Engine.load(MODELS_FOLDER, "cpu")


@pytest.fixture(scope="session")
def tutorial_engine() -> Engine:
    """The models that are committed, on the CPU, with the tutorial's discriminator."""
    return Engine.load(MODELS_FOLDER, "cpu", "mlp_discriminator")


@pytest.fixture
def anyio_backend() -> str:
    """Of tests that are coroutines: without a loop that runs gradio makes one for each app, and never closes
    it.
    """
    return "asyncio"
