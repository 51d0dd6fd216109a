"""What the any-image graph costs: every row is there, and every figure is one."""

import math

from export.benchmark.any_image import measure
from export.benchmark.options import Options


def test_every_contestant_is_measured() -> None:
    report = measure(Options(rounds=2, quick=True))
    contestants: dict[str, list[str]] = {}
    for row in report.rows:
        contestants.setdefault(row.task, []).append(row.contestant)
        for spread in (row.cost, row.ratio):
            if spread is not None:
                assert all(
                    math.isfinite(value) and value > 0 for value in (spread.low, spread.median, spread.high)
                )
    photo = contestants.pop("640x480 photo")
    assert photo == [
        "reference normaliser (numpy)",
        "normalizer.onnx",
        "Pillow, grey and area average of all of it",
        "its bytes read once, from memory",
        "its bytes copied once, in memory",
        "its bytes read once, in the cache",
    ]
    assert list(contestants) == [
        "28x28 as MNIST",
        "28x28 as MNIST, as a browser decodes it (RGBA)",
        "28x28, smaller than MNIST's digits",
        "28x28, noise on the paper",
    ]
    for names in contestants.values():
        assert names == ["core alone", "any-image graph", "normaliser, then core"]
    assert {row.contestant for row in report.rows if row.goal is not None} == {"any-image graph"}
    assert "GB/s" in report.notes[0]
