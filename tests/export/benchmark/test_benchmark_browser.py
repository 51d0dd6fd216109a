"""The benchmark of the page without a server, run quickly."""

import math
from pathlib import Path

import pytest

from demo.inference.engine import MODELS_FOLDER
from export.benchmark import browser
from export.benchmark.options import Options
from export.errors import ExportError


@pytest.mark.node
@pytest.mark.browser
def test_every_row_is_measured() -> None:
    report = browser.measure(Options(models=MODELS_FOLDER, quick=True))
    pages = [browser.PLAIN, browser.PAGE]
    wanted: dict[str, list[str]] = {}
    for way in ("from this machine", "over 200 Mbit/s"):
        wanted |= dict.fromkeys((f"{browser.OPENED}, {way}", f"{browser.OPENED}, {way}, processor"), pages)
    for kind in ("the runtime", "the model", "scripts, style and texts", "all"):
        wanted[f"Over the wire, {kind}"] = [*pages, browser.GZIPPED]
    for file in ("discriminator.onnx", "discriminator_from_image.onnx"):
        wanted[f"{file}, 28x28"] = [browser.NODE, browser.PYTHON, browser.WASM, browser.WASM_OPTIMISED]
    wanted["discriminator.onnx, 28x28, threads"] = [browser.ONE_THREAD, browser.TWO_THREADS]
    rows: dict[str, list[str]] = {}
    for row in report.rows:
        rows.setdefault(row.task, []).append(row.contestant)
        for spread in (row.cost, row.ratio):
            assert spread is None or all(
                math.isfinite(value) and value > 0 for value in (spread.low, spread.median, spread.high)
            )
    assert rows == wanted
    sizes = {(row.task, row.contestant): row.cost.median for row in report.rows}
    assert sizes["Over the wire, the runtime", browser.PAGE] < 4_000
    assert (
        sizes["Over the wire, the model", browser.PAGE]
        == (MODELS_FOLDER / "discriminator_from_image.onnx").stat().st_size / 1000
    )
    assert {"chromium", "onnxruntime-web", "onnxruntime-node"} <= set(report.machine["libraries"])


def test_without_node_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportError, match=r"Node is missing.*nodejs\.org"):
        browser.measure(Options(models=MODELS_FOLDER, quick=True))
