"""Any bytes give a picture, or one sentence with the reason."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from demo.batch.archive import Archive
from demo.decoder.images import load_picture
from demo.errors import PictureError
from tests.support.pictures import samples_of_every_format
from tests.tools.hostile.mutate import mutate
from tests.tools.hostile.seeds import archives_that_are_whole, other_formats

# The same examples each time where it must not fail by chance.
SETTINGS = settings(
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
WHOLE = list(samples_of_every_format().values())
OTHERS = list(other_formats().values())
ZIPS = list(archives_that_are_whole().values())
BEGINNINGS = [content[:16] for content in WHOLE]
PATH = re.compile(r"[/\\]|\.py|Traceback|\n")

seeds = st.integers(0, 2**32 - 1)


def outcome(content: bytes) -> NDArray[np.uint8] | str:
    """A valid picture, or the sentence that refuses it; anything else fails."""
    try:
        array = load_picture(content).array
    except PictureError as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert not PATH.search(sentence)
        return sentence
    assert array.dtype == np.uint8
    assert array.ndim == 3
    assert array.shape[2] in (1, 3, 4)
    assert array.size
    return array


@SETTINGS
@given(st.binary(max_size=2000), st.sampled_from([b"", *BEGINNINGS]))
@example(b"", b"")
@example(b"\0" * 2000, b"BM")
def test_any_bytes_give_a_picture_or_a_sentence(content: bytes, beginning: bytes) -> None:
    outcome(beginning + content)


@SETTINGS
@given(st.sampled_from([*WHOLE, *OTHERS]), seeds)
def test_any_change_of_a_file_gives_a_picture_or_a_sentence(content: bytes, seed: int) -> None:
    outcome(mutate(content, np.random.default_rng(seed), WHOLE))


@SETTINGS
@given(st.sampled_from(ZIPS), seeds)
def test_any_change_of_a_zip_gives_files_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, seed: int
) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "changed.zip"
    path.write_bytes(mutate(content, np.random.default_rng(seed), ZIPS))
    sentences = []
    try:
        with Archive(path) as archive:
            sentences += [str(each) for _, each in archive.pictures() if isinstance(each, PictureError)]
    except PictureError as error:
        sentences.append(str(error))
    assert all(each.endswith(".") and not PATH.search(each) for each in sentences)
