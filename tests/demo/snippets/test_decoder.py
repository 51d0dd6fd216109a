"""Every decoder follows the same rules: Python's, and `decoder.mjs` in Node and in a browser."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from demo.decoder.images import load_picture
from demo.errors import PictureError
from demo.static_page.assemble import DECODER
from export.benchmark.servers import serving
from tests.support.node import NODE, node_modules
from tests.support.rules import cases

TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
    8: np.rot90,
}
"""By EXIF orientation, how to turn the stored picture."""

NODE_PROGRAM = """
import { readdirSync, readFileSync } from "node:fs";
import sharp from "sharp";
import { decode, throughSharp } from "./decoder.mjs";
const found = {};
for (const file of readdirSync("pictures")) {
  try {
    const { data, shape } = await decode(readFileSync(`pictures/${file}`), throughSharp(sharp));
    found[file] = { data: Buffer.from(data).toString("base64"), shape };
  } catch (error) {
    if (!error.code) throw error;
    found[file] = { refused: error.message };
  }
}
console.log(JSON.stringify(found));
"""
BROWSER_PROGRAM = """async (name) => {
  const { decode, throughCanvas } = await import("./decoder.mjs");
  const content = await (await fetch(`pictures/${name}`)).arrayBuffer();
  try {
    const { data, shape } = await decode(new Uint8Array(content), throughCanvas);
    return { data: data.toBase64(), shape };
  } catch (error) {
    if (!error.code) throw error;
    return { refused: error.message };
  }
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The decoder, and every picture beside it."""
    folder = tmp_path_factory.mktemp("decoder")
    shutil.copy(DECODER, folder)
    (folder / "index.html").write_text("<title>decoder</title>")
    (folder / "pictures").mkdir()
    for name, case in cases().items():
        (folder / "pictures" / name).write_bytes(case.content)
    return folder


def rgba(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels as RGBA, those that are fully transparent all 0: a browser forgets their colours."""
    if array.shape[2] < 4:
        opaque = np.full((*array.shape[:2], 1), 255, np.uint8)
        array = np.concatenate([np.broadcast_to(array, (*array.shape[:2], 3)), opaque], axis=2)
    return np.where(array[..., 3:] > 0, array, 0)


def decoded(content: bytes) -> NDArray[np.uint8] | str:
    """The pixels that Python reads, or the reason for which it refuses."""
    try:
        return rgba(load_picture(content).array)
    except PictureError as error:
        return str(error)


def differences(decoder: str, found: dict[str, Any]) -> dict[str, str]:
    """Return by picture what a decoder does otherwise than Python."""
    wrong = {}
    for name, case in cases().items():
        refused = found[name].get("refused")
        if (decoder in case.refused) != (refused is not None):
            wrong[name] = f"refused: {refused}"
        elif refused is None:
            array = np.frombuffer(base64.b64decode(found[name]["data"]), np.uint8).reshape(
                found[name]["shape"]
            )
            expected = decoded(case.content)
            if isinstance(expected, str) or not np.array_equal(rgba(array), expected):
                wrong[name] = "other pixels"
    return wrong


@pytest.mark.parametrize("name", cases())
def test_python_follows_the_rule(name: str) -> None:
    case = cases()[name]
    found = decoded(case.content)
    assert isinstance(found, str) == ("Python" in case.refused), found
    if case.like is not None:
        plain = decoded(case.like)
        assert not isinstance(plain, str)
        assert np.array_equal(found, TURNS[case.turn](plain))


@pytest.mark.node
def test_node_agrees(folder: Path) -> None:
    (folder / "node_modules").symlink_to(node_modules(NODE))
    (folder / "all.mjs").write_text(NODE_PROGRAM)
    result = subprocess.run(["node", "all.mjs"], cwd=folder, capture_output=True, text=True, check=True)
    assert differences("Node", json.loads(result.stdout)) == {}


@pytest.mark.browser
def test_the_browser_agrees(browser: Browser, folder: Path) -> None:
    page = browser.new_page()
    with serving(folder) as served:
        page.goto(served.address)
        found = {name: page.evaluate(BROWSER_PROGRAM, name) for name in cases()}
    page.close()
    assert differences("browser", found) == {}
