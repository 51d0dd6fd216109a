"""Fixtures of several test modules: data sets, a trained and published run, models, an app, a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.inference.engine import MODELS_FOLDER, Engine
from export.benchmark.chromium import chromium
from export.cli import main as export_main
from export.convert import export_model, publish_models
from export.generator import generator_spec
from tests.support.detectors import export_tiny, quick_gate
from tests.support.generators import LATENT, tiny_generator
from tests.support.handwriting import large_digits, small_digits, write_data_set
from tests.support.serving import served_app
from tests.support.shared import built_once
from tests.support.tabs import WIDE
from train.cli import main as train_main
from train.data.mnist import DATA_VARIABLE, DATASETS
from train.generators.build import FAMILIES


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium for one module: others start Playwright themselves in between."""
    with chromium() as browser:
        # A busy machine needs more than the default of five seconds.
        expect.set_options(timeout=30_000)
        yield browser
        expect.set_options(timeout=None)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the app with the published models and its MCP server."""
    with served_app("--mcp") as address:
        yield address


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    """The page that the tests of a module use one after the other (`tests.support.tabs`)."""
    return browser.new_page(viewport=WIDE)


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a data set of scikit-learn's 1,797 digits, made 28x28; other data sets stay at hand."""
    folder = tmp_path_factory.mktemp("data")
    if known := os.environ.get(DATA_VARIABLE):
        for path in Path(known).resolve().iterdir():
            (folder / path.name).symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "few-digits", write_data_set(folder / "few-digits", *large_digits()))
        patch.setenv(DATA_VARIABLE, str(folder))
        yield "few-digits"


@pytest.fixture(scope="session")
def dataset(few_digits: str) -> str:
    """The name of a data set of 28x28 digits: MNIST where `TOUCHSTONE_DATA` has it, else `few_digits`."""
    return "mnist" if (Path(os.environ[DATA_VARIABLE]) / "mnist").exists() else few_digits


@pytest.fixture(scope="module")
def narrow() -> Iterator[None]:
    """Make the generators' convolutional networks narrow, so that their thousands of samples take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        for family in FAMILIES.values():
            if hasattr(family, "width"):
                patch.setattr(family, "width", 8)
        yield


@pytest.fixture
def small_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a data set of 8x8 digits, added as a user would: an entry and four files."""
    entry = write_data_set(tmp_path / "data" / "small-digits", *small_digits())
    monkeypatch.setitem(DATASETS, "small-digits", entry)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    return "small-digits"


@pytest.fixture(scope="session")
def smoke_run(few_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared folder of a short `python -m train tutorial`."""

    def build(runs: Path) -> None:
        options = ["--preset", "smoke", "--dataset", few_digits, "--epochs", "12"]
        assert train_main(["tutorial", *options, "--runs", str(runs)]) == 0

    return built_once(tmp_path_factory, "smoke", build) / "tutorial-smoke"


@pytest.fixture(scope="session")
def published_run(smoke_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared copy of the smoke run, traced, and published to `models` beside it."""

    def build(folder: Path) -> None:
        run = Path(shutil.copytree(smoke_run, folder / smoke_run.name))
        assert train_main(["trace", str(run)]) == 0
        with pytest.MonkeyPatch.context() as patch:
            quick_gate(patch)
            assert export_main(["run", str(run), "--models", str(folder / "models")]) == 0

    return built_once(tmp_path_factory, "published", build) / smoke_run.name


@pytest.fixture(scope="session")
def smoke_models(published_run: Path) -> Path:
    """A shared models folder with the tutorial's pair and no detector."""
    return published_run.parent / "models"


@pytest.fixture(scope="session")
def generator_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared copy of the published models whose `generator.onnx` is tiny and quick to export."""

    def build(folder: Path) -> None:
        models = Path(shutil.copytree(MODELS_FOLDER, folder / "models"))
        with pytest.MonkeyPatch.context() as patch:
            quick_gate(patch)
            spec = generator_spec(tiny_generator(), LATENT, "none: tiny", "MIT")
            publish_models([export_model(spec)], folder / "run", models, {}, {})

    return built_once(tmp_path_factory, "generator", build) / "models"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the published models, to be damaged."""
    return Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))


@pytest.fixture(scope="session")
def product_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared copy of the published models with the tiny detector, whose scores never change."""

    def build(folder: Path) -> None:
        export_tiny(Path(shutil.copytree(MODELS_FOLDER, folder / "models")))

    return built_once(tmp_path_factory, "product", build) / "models"


@pytest.fixture(scope="session")
def product_engine(product_models: Path) -> Engine:
    """The engine with the tiny detector, on the CPU."""
    return Engine.load(product_models, "cpu")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine with the published models, on the CPU."""
    return Engine.load(MODELS_FOLDER, "cpu")


@pytest.fixture(scope="session")
def tutorial_engine() -> Engine:
    """The engine with the tutorial's discriminator, on the CPU."""
    return Engine.load(MODELS_FOLDER, "cpu", "mlp_discriminator")


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of tests that are coroutines. Without a running loop, gradio opens one for each app and
    never closes it.
    """
    return "asyncio"
