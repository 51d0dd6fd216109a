"""What rounding loses, and what is made up for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from export.errors import ExportError
from export.rounding import Layer, equalized, fitted, rounded

INPUTS = np.random.default_rng(0).standard_normal((400, 24), np.float32).cumsum(1)
"""What is beside each other is alike, as in pictures."""


def layer(outputs: int, inputs: int, seed: int = 1) -> Layer:
    random = np.random.default_rng(seed)
    return Layer(
        random.standard_normal((outputs, inputs), np.float32), random.standard_normal(outputs, np.float32)
    )


def leaky(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(values > 0, values, np.float32(0.2) * values)


def given(layers: list[Layer]) -> list[NDArray[np.float32]]:
    """What goes into each layer, and what the last gives."""
    found = [INPUTS]
    for each in layers:
        found.append(leaky(found[-1] @ each.weight.T + each.bias))
    return found


def test_evened_layers_give_the_same_with_units_of_like_size() -> None:
    first, second, third = layer(16, 24), layer(8, 16), layer(4, 8)
    scale = np.geomspace(0.2, 5, 16, dtype=np.float32)
    first = Layer(first.weight * scale[:, np.newaxis], first.bias * scale)
    layers = [first, second, third]
    *inputs, expected = given(layers)
    even, even_inputs = equalized(layers, inputs)
    *found_inputs, found = given(even)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)
    for one, other in zip(found_inputs, even_inputs, strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-3)
    spread = [np.ptp(np.log(np.abs(each[1]).max(0))) for each in (inputs, even_inputs)]
    assert spread[1] < 0.7 * spread[0]


def test_a_unit_that_gives_nothing_stays_as_it_is() -> None:
    first, second = layer(16, 24), layer(8, 16)
    first.weight[3], first.bias[3] = 0, 0
    *inputs, expected = given([first, second])
    even, _ = equalized([first, second], inputs)
    assert not even[0].weight[3].any()
    assert given(even)[-1] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_rounding_makes_up_for_what_it_changed() -> None:
    weight = layer(16, 24).weight
    levels, step = rounded(weight, INPUTS, 7)
    assert levels.dtype == np.int8
    assert np.abs(levels).max() == 7
    plain = np.clip(np.round(weight / step), -7, 7)
    lost, lost_plain = (
        np.square(INPUTS @ (weight - each * step).T).mean() for each in (levels.astype(np.float32), plain)
    )
    assert 0 < lost < 0.5 * lost_plain


@pytest.mark.parametrize("bad", [0, np.nan, np.inf])
def test_weights_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ExportError, match="no numbers"):
        rounded(np.full((2, 24), bad, np.float32), INPUTS, 63)


def test_the_fitted_layer_gives_what_is_wanted_most_of_all_where_it_counts() -> None:
    true, start = layer(1, 24), layer(1, 24, seed=2)
    wanted = INPUTS @ true.weight.T + true.bias
    even = np.ones(len(INPUTS), np.float32)
    best = fitted(start, INPUTS, wanted, even)
    assert best.weight == pytest.approx(true.weight, abs=1e-3)
    assert best.bias == pytest.approx(true.bias, abs=1e-3)
    # What no linear layer can give: there is a choice to make.
    bent = np.abs(wanted)
    heavy = even.copy()
    heavy[:100] = 100
    errors = [
        np.square(INPUTS @ each.weight.T + each.bias - bent)[:100].mean()
        for each in (fitted(start, INPUTS, bent, weight) for weight in (even, heavy))
    ]
    assert errors[1] < errors[0]


def test_inputs_that_never_vary_leave_the_layer_as_it_was() -> None:
    start = layer(1, 24)
    dead = INPUTS.copy()
    dead[:, 5] = 0
    best = fitted(start, dead, INPUTS[:, :1], np.ones(len(INPUTS), np.float32))
    assert best.weight[0, 5] == start.weight[0, 5]
