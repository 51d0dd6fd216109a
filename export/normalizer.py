"""The normalizer as a graph of standard ONNX operators: `train/normalize.py` step by step, for any picture.

Functions have the names and constants of the reference. For a small picture each operator costs half a
microsecond, so rows and columns share one vector, and branches skip what a picture does not need. For a large
picture each pass over its pixels costs, so they stay bytes for long, and everything outside the ink is cut
off. All branches give the same numbers.

The bytes of the graph depend on the line numbers inside the functions and on PYTHONHASHSEED; see
`normalizer_graph` in `from_image.py`.
"""

from typing import Final

import numpy as np
import onnx
import onnxscript
from onnx import TensorProto, inliner, numpy_helper
from onnxscript import BOOL, FLOAT, INT64, UINT8, graph, script, values
from onnxscript import opset20 as op

from export.isolation import DOMAIN, network_function
from train.isolation.isolate import (
    AROUND,
    CANDIDATES,
    CELL,
    CROP,
    CUT,
    DARKEST,
    EDGE,
    FURTHER,
    GAIN,
    LARGER,
    NEARLY,
    OVERLAP,
    PAGE,
    POSSIBLE,
    SIMILAR,
    SURE,
    SUREST,
    WINDOW,
    least_scores,
)
from train.isolation.layers import DISTANCE, LOCATOR, SEGMENTER, UNIT
from train.isolation.scaling import SCALES, VARIANCES, WHOLE
from train.normalize import (
    BLANK,
    BOX,
    BOX_CONTRAST,
    CLEAN_CONTRAST,
    CUT_OFF,
    FRAME_CONTRAST,
    FRAME_SHARE,
    FRAME_WHOLE,
    FULL_CONTRAST,
    LARGEST_SIDE,
    LEAST_CONTRAST,
    MARGIN,
    MOSTLY_OPAQUE,
    NONE,
    RINGING,
    ROOM,
    SEVERAL_DIGITS,
    SIDE,
    SINGLE,
    SMALLEST,
    SOLID,
    SPECK_CONTRAST,
    TOO_SMALL,
)

FRAME_PARTS = round(1 / FRAME_SHARE)
HALF_UP = 0.5 + 1 / 512
LEAST_AVERAGE = 1e-6
BLOCK = 512
"""A crop is aligned to these rows and columns of its picture: matrix products are summed block by block, and
the sums should not depend on where in the picture the ink is."""
CHUNK = 4
"""Rows of the reduced picture that are averaged at a time."""
SUM = float(WHOLE)
CELL_SIDE = float(CELL)
HALF_CELL = CELL / 2
CELLS = PAGE // CELL
CELL_COUNT = float(CELLS**2)
REACH = DISTANCE / UNIT
INSIDE = float(UNIT)
EDGE_PIXELS = float(EDGE)
NEARLY_ODDS = float(NEARLY)
WHOLE_SQUARED = float(WHOLE**2)
LONGEST = float(BOX)
CUT_ODDS, SURE_ODDS, POSSIBLE_ODDS = float(CUT), float(SURE), float(POSSIBLE)
NETWORKS = values.Opset(DOMAIN, 1)

AS_FLOAT = TensorProto.FLOAT
AS_INT = TensorProto.INT64
AS_BOOL = TensorProto.BOOL
AS_BYTE = TensorProto.UINT8

# A millionth more than ITU-R BT.601, so that halves round up; no other of the 256^3 colours is near a half.
SHARES = numpy_helper.from_array(np.array([[0.299, 0.587, 0.114]], np.float32) * np.float32(1 + 1e-6))
# Multiplied with a digit from both sides: its mass, and its moments about where its centre should be.
ABOUT_CENTRE: Final = np.stack([np.ones(BOX), (SIDE + 1) / 2 - np.arange(BOX)]).astype(np.float32)
MOMENTS_DOWN = numpy_helper.from_array(ABOUT_CENTRE)
MOMENTS_ACROSS = numpy_helper.from_array(np.ascontiguousarray(ABOUT_CENTRE.T))
OUTPUTS = numpy_helper.from_array(np.arange(BOX, dtype=np.float32).reshape(1, BOX, 1))
SIMPLE = numpy_helper.from_array(np.array([LARGEST_SIDE, LARGEST_SIDE, 3]))
ALWAYS = numpy_helper.from_array(np.array(True))
NO_BOXES = numpy_helper.from_array(np.zeros((0, 4), np.int64))
NO_CUTS = numpy_helper.from_array(np.zeros(0, bool))
NEVER = numpy_helper.from_array(np.zeros(1, bool))
NEIGHBOURS = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32))
LEVELS_OF_VARIANCE = numpy_helper.from_array(VARIANCES)
LEVELS_OF_SCALE = numpy_helper.from_array(SCALES)
RANKS = numpy_helper.from_array(np.arange(CELLS**2, dtype=np.float32).reshape(1, 1, CELLS, CELLS))
NEAR = numpy_helper.from_array(
    (np.abs(np.arange(CROP) - np.arange(CROP)[:, None]) <= WINDOW // 2).astype(np.float32)
)
LEAST_SCORES = numpy_helper.from_array(least_scores(CELLS, SUREST))
SURE_SCORES = numpy_helper.from_array(least_scores(CELLS, FURTHER))
BEFORE = numpy_helper.from_array(np.tri(CANDIDATES, k=-1, dtype=bool))


@script()
def median(values: FLOAT[...]) -> FLOAT[...]:
    """Median along the last axis, which is kept."""
    count = op.Shape(values, start=-1)
    largest, _ = op.TopK(values, count - count / 2, axis=-1, sorted=0)
    return op.ReduceMin(largest, [-1], keepdims=1)


@script()
def edges(picture: UINT8[...], begin: INT64[2], end: INT64[2]) -> UINT8[...]:
    """First and last row of a part, each followed by its first and last column: [2, width + height, ...]."""
    top, left = op.Split(begin, num_outputs=2)
    below, beside = op.Split(end, num_outputs=2)
    rows = op.Gather(picture, op.Concat(top, below - 1, axis=0), axis=0)
    columns = op.Gather(picture, op.Concat(left, beside - 1, axis=0), axis=1)
    whole_rows = op.Slice(rows, left, beside, [1])
    return op.Concat(whole_rows, op.Transpose(op.Slice(columns, top, below, [0]), perm=[1, 0, 2]), axis=1)


@script()
def plain_mean(blocks: FLOAT[...], count: FLOAT[1]) -> FLOAT[...]:
    return op.Floor(op.ReduceSum(blocks, [1, 3], keepdims=0) / count + 0.5)


@script()
def weighted_mean(blocks: FLOAT[...], count: FLOAT[1]) -> FLOAT[...]:
    alpha = op.Slice(blocks, [3], [4], [4])
    whole = op.ReduceMin(alpha, keepdims=0) > 254.0
    if whole:
        mean = plain_mean(blocks, count)
    else:
        covered = op.ReduceSum(alpha, [1, 3], keepdims=0)
        sums = op.ReduceSum(op.Slice(blocks, [0], [3], [4]) * alpha, [1, 3], keepdims=0)
        colours = op.Floor(sums / op.Max(covered, 1.0) + 0.5)
        mean = op.Concat(colours, op.Floor(covered / count + 0.5), axis=2)
    return mean


@script()
def block_means(part: UINT8[...], step: INT64[1], rows: INT64[1]) -> UINT8[...]:
    """Means of blocks of step x step pixels in a part of `rows` rows; what is missing is repeated."""
    given = op.Shape(part)
    height, width, channels = op.Split(given, num_outputs=3)
    across = (width + step - 1) / step
    missing = op.Concat(rows - height, across * step - width, axis=0)
    whole = op.Pad(part, op.Pad(missing, [3, 1]), mode="edge")
    shape = op.Concat(rows / step, step, across, step, channels, axis=0)
    blocks = op.Reshape(op.Cast(whole, to=AS_FLOAT), shape)
    count = op.Cast(step * step, to=AS_FLOAT)
    four = op.Equal(channels, 4)
    if four:
        mean = weighted_mean(blocks, count)
    else:
        mean = plain_mean(blocks, count)
    return op.Cast(mean, to=AS_BYTE)


@script()
def reduced(image: UINT8[...], step: INT64[1]) -> UINT8[...]:
    """Average blocks of step x step pixels, weighted by alpha if there is any; a few rows at a time."""
    down = (op.Shape(image, start=0, end=1) + step - 1) / step
    rows = step * CHUNK
    count = op.Squeeze((down + (CHUNK - 1)) / CHUNK)
    going = op.Cast(1, to=AS_BOOL)

    @graph()
    def average(turn: INT64, on: BOOL):
        begin = op.Unsqueeze(turn, [0]) * rows
        part = op.Slice(image, begin, begin + rows, [0])
        still = op.Identity(on)
        return still, block_means(part, step, rows)

    chunks = op.Loop(count, going, body=average)
    shape = op.Shape(chunks, start=2)
    return op.Slice(op.Reshape(chunks, op.Concat([-1], shape, axis=0)), [0], down, [0])


@script()
def grey(image: UINT8[...]) -> UINT8[...]:
    single = op.Equal(op.Shape(image, start=2), 1)
    if single:
        light = op.Squeeze(image, [2])
    else:
        planes = op.Reshape(op.Transpose(image, perm=[2, 0, 1]), [0, -1])
        mixed = op.MatMul(op.Constant(value=SHARES), op.Cast(planes, to=AS_FLOAT))
        visible = op.QuantizeLinear(mixed, 1.0, op.Cast(0, to=AS_BYTE))
        light = op.Reshape(visible, op.Shape(image, end=2))
    return light


@script()
def opaque(image: UINT8[...]) -> UINT8[...]:
    visible, alpha = op.Split(image, [3, 1], axis=2)
    whole = op.Cast(op.ReduceMin(alpha, keepdims=0), to=AS_INT) == 255
    if whole:
        seen = op.Identity(visible)
    else:
        cover = op.Cast(alpha, to=AS_FLOAT)
        covered = op.ReduceMean(cover, keepdims=0)
        light = op.Unsqueeze(op.Cast(grey(visible), to=AS_FLOAT), [2])
        brightness = op.ReduceMean(light * cover, keepdims=0) / op.Max(covered, 1.0)
        behind = op.Where(brightness > 127.0, 0.0, 255.0)
        both = op.Concat(light, cover, axis=2)
        row, column = op.Split(op.Shape(image, end=2) / 2, num_outputs=2)
        across = op.Squeeze(op.Gather(both, row, axis=0), [0])
        lines = op.Concat(across, op.Squeeze(op.Gather(both, column, axis=1), [1]), axis=0)
        grey_levels, covers = op.Split(lines, axis=1, num_outputs=2)
        known = op.Compress(grey_levels, op.Reshape(op.Equal(covers, 255.0), [-1]), axis=0)
        levels = op.Concat(op.Reshape(known, [-1]), op.Reshape(op.Floor(brightness), [1]), axis=0)
        paper = op.Where(covered > MOSTLY_OPAQUE, op.Squeeze(median(levels)), behind)
        mixed = op.Cast(visible, to=AS_FLOAT) * cover + paper * (255.0 - cover)
        seen = op.Cast((mixed + 127.0) / 255.0, to=AS_BYTE)
    return seen


@script()
def frame(
    outer: FLOAT[...], inner: FLOAT[...], size: INT64[2], thickness: INT64[...]
) -> tuple[INT64[2], INT64[2]]:
    """Rows and columns to cut off at the top and left, and at the bottom and right.

    outer, inner: [2, width + height], the outermost lines, and those just inside a frame."""
    paper = median(op.Reshape(inner, [-1]))
    same = op.Cast(op.Abs(inner - paper) <= CLEAN_CONTRAST, to=AS_FLOAT)
    clean = op.ReduceMean(same, keepdims=0) >= FRAME_WHOLE
    other = op.Cast(op.Abs(outer - paper) > FRAME_CONTRAST, to=AS_FLOAT)
    height, width = op.Split(size, num_outputs=2)
    rows, columns = op.Split(other, op.Concat(width, height, axis=0), axis=1)
    share = op.Concat(op.ReduceMean(rows, [1]), op.ReduceMean(columns, [1]), axis=1)
    cut = op.Cast(op.And(share > FRAME_WHOLE, clean), to=AS_INT) * thickness
    begin, end = op.Split(cut, axis=0, num_outputs=2)
    return op.Squeeze(begin, [0]), op.Squeeze(end, [0])


@script()
def paper_of(picture: UINT8[...]) -> tuple[UINT8[...], INT64[2], UINT8, BOOL]:
    """The picture without its frame, if its paper has one brightness; rows and columns of it, see `frame`;
    that brightness, and whether it has one."""
    size = op.Shape(picture, end=2)
    shortest = op.ReduceMin(size, keepdims=0)
    wanted = (op.ReduceMax(size, keepdims=0) + 32) / FRAME_PARTS
    thickness = op.Clip(wanted, op.Constant(value_int=1), (shortest - 1) / 2)
    lines = thickness * [0, 0, 1, -1] + [0, -1, 0, -1]
    rows = op.Gather(picture, lines, axis=0)
    columns = op.Gather(picture, lines, axis=1)
    both = grey(op.Concat(rows, op.Transpose(columns, perm=[1, 0, 2]), axis=1))
    ring, within = op.Split(both, axis=0, num_outputs=2)
    most = op.ReduceMax(ring, keepdims=0)
    same = op.Cast(op.Equal(within, most), to=AS_FLOAT)
    flat = op.And(op.Equal(most, op.ReduceMin(ring, keepdims=0)), op.ReduceMean(same, keepdims=0) > 0.5)
    if flat:
        inner = op.Identity(picture)
        dropped = op.Constant(value_ints=[0, 0])
        paper = op.Identity(most)
        clean = op.Constant(value=ALWAYS)
    else:
        dropped, beyond = frame(op.Cast(ring, to=AS_FLOAT), op.Cast(within, to=AS_FLOAT), size, thickness)
        end = size - beyond
        framed = op.Cast(op.ReduceMax(op.Max(dropped, beyond), keepdims=0), to=AS_BOOL)
        if framed:
            around = op.Cast(grey(edges(picture, dropped, end)), to=AS_FLOAT)
        else:
            around = op.Cast(ring, to=AS_FLOAT)
        level = median(op.Reshape(around, [-1]))
        clean = op.ReduceMean(op.Cast(op.Equal(around, level), to=AS_FLOAT), keepdims=0) > 0.5
        paper = op.Cast(op.Squeeze(level), to=AS_BYTE)
        inner = op.Slice(picture, dropped, op.Where(clean, end, dropped + 1), [0, 1])
    return inner, dropped, paper, clean


@script()
def ink_on(light: UINT8[...], paper: UINT8) -> tuple[FLOAT[...], BOOL]:
    level = op.Cast(paper, to=AS_FLOAT)
    low = op.Cast(op.ReduceMin(light, keepdims=0), to=AS_FLOAT)
    inverted = level > op.Mean(low, op.Cast(op.ReduceMax(light, keepdims=0), to=AS_FLOAT))
    room = op.Max(op.Abs(level - op.Where(inverted, 0.0, 255.0)), op.Cast(LEAST_CONTRAST, to=AS_FLOAT))
    gain = op.Where(inverted, -255.0, 255.0) / room
    return op.Relu(op.DequantizeLinear(light, gain, paper)), inverted


@script()
def extent(rows: FLOAT[...], columns: FLOAT[...]) -> tuple[INT64[2], INT64[2]]:
    """First row and column that is 1, of zeros and ones, and how many there are from first to last."""
    top = op.ArgMax(rows, axis=0)
    bottom = op.ArgMax(rows, axis=0, select_last_index=1)
    left = op.ArgMax(columns, axis=0)
    right = op.ArgMax(columns, axis=0, select_last_index=1)
    begin = op.Concat(top, left, axis=0)
    return begin, op.Concat(bottom, right, axis=0) - begin + 1


@script()
def box_of(rows: FLOAT[...], columns: FLOAT[...], level: FLOAT[...]) -> tuple[INT64[2], INT64[2]]:
    """Box of the ink above a level, from the strongest value of every row and every column."""
    begin, length = extent(op.Cast(rows > level, to=AS_FLOAT), op.Cast(columns > level, to=AS_FLOAT))
    return begin, length


@script()
def off_grid(changes: FLOAT[...], start: INT64[1], factor: INT64) -> FLOAT[...]:
    count = op.Shape(changes)
    places = op.Range(1, op.Squeeze(count) + 1, 1) - start
    return op.ReduceSum(changes * op.Cast(op.Mod(places, factor) > 0, to=AS_FLOAT), keepdims=1)


@script()
def is_exact(ink: FLOAT[...], begin: INT64[2], factor: INT64) -> BOOL[1]:
    """Whether the ink consists of squares of `factor` pixels."""
    top, left = op.Split(begin, num_outputs=2)
    rows, columns = op.Split(op.Shape(ink), num_outputs=2)
    below = op.Slice(ink, [1], rows, [0]) - op.Slice(ink, [0], rows - 1, [0])
    beside = op.Slice(ink, [1], columns, [1]) - op.Slice(ink, [0], columns - 1, [1])
    down = op.ReduceMax(op.Abs(below), [1], keepdims=0)
    across = op.ReduceMax(op.Abs(beside), [0], keepdims=0)
    return off_grid(down, top, factor) + off_grid(across, left, factor) == 0.0


@script()
def without_specks(
    left: FLOAT[...],
    level: FLOAT[...],
    strongest: FLOAT,
    begin: INT64[2],
    length: INT64[2],
    origin: INT64[2],
) -> tuple[INT64[2], INT64[2]]:
    """Box of all ink above a level except lone pixels; the given box if there is no other ink.

    left: the part of the ink that begins at the origin; no ink beyond it reaches the level."""
    sums = op.Conv(op.Unsqueeze(left, [0, 1]), op.Constant(value=NEIGHBOURS), pads=[1, 1, 1, 1])
    around = op.Squeeze(sums, [0, 1]) / 9.0
    kept = op.Cast(op.And(around > strongest * SPECK_CONTRAST, left > level), to=AS_FLOAT)
    rows = op.ReduceMax(kept, [1], keepdims=0)
    some = op.ReduceMax(rows) > 0.0
    first, size = extent(rows, op.ReduceMax(kept, [0], keepdims=0))
    return op.Where(some, first + origin, begin), op.Where(some, size, length)


@script()
def scaled(
    left: FLOAT[...], origin: INT64[2], size: INT64[2], begin: INT64[2], length: INT64[2]
) -> tuple[FLOAT[...], INT64[2]]:
    """The box scaled by area averaging, longest side `BOX`: [BOX, BOX] padded with zeros, and its sides.

    left: the part of a picture of this size that begins at the origin; the box lies inside it."""
    longest = op.ReduceMax(length)
    count = op.Max((length * (2 * BOX) + longest) / (longest * 2), [1])
    lead = op.Mod(origin, BLOCK)
    trail = (size - origin - op.Shape(left)) * [0, 1]
    padded = op.Pad(left, op.Concat(lead, trail, axis=0))
    reach = op.Shape(padded)
    first = op.Reshape(op.Cast(origin - lead, to=AS_FLOAT), [2, 1, 1])
    pixel = op.Cast(op.Range(0, op.ReduceMax(reach, keepdims=0), 1), to=AS_FLOAT) + first
    outputs = op.Reshape(op.Cast(count, to=AS_FLOAT), [2, 1, 1])
    each = op.Reshape(op.Cast(length, to=AS_FLOAT), [2, 1, 1]) / outputs
    which = op.Constant(value=OUTPUTS)
    start = op.Reshape(op.Cast(begin, to=AS_FLOAT), [2, 1, 1]) + which * each
    covered = op.Relu(op.Min(pixel + 1.0, start + each) - op.Max(pixel, start)) / each
    shares = op.Where(which < outputs, covered, 0.0)
    all_down, all_across = op.Split(shares, axis=0, num_outputs=2)
    height, width = op.Split(reach, num_outputs=2)
    down = op.Slice(all_down, [0], height, [2])
    across = op.Slice(all_across, [0], width, [2])
    averaged = op.MatMul(op.MatMul(down, padded), op.Transpose(across, perm=[0, 2, 1]))
    return op.Squeeze(averaged, [0]), count


@script()
def stretched(averaged: FLOAT[...]) -> FLOAT[...]:
    """Whole levels at full contrast."""
    strongest = op.ReduceMax(averaged)
    # Without ink the result is not used, but it must be finite.
    factor = 255.0 / op.Where(strongest < FULL_CONTRAST, op.Max(strongest, LEAST_AVERAGE), 255.0)
    # Any ink stays at least 1.
    return op.Max(op.Floor(averaged * factor + HALF_UP), op.Sign(averaged))


@script()
def centred(averaged: FLOAT[...], count: INT64[2]) -> UINT8[...]:
    """A box of this many rows and columns, padded with zeros, at full contrast, placed as in MNIST."""
    digit = stretched(averaged)
    moments = op.MatMul(op.Constant(value=MOMENTS_DOWN), op.MatMul(digit, op.Constant(value=MOMENTS_ACROSS)))
    mass = op.Max(op.GatherND(moments, [[0, 0]]), 1.0)
    nearest = op.Max(op.GatherND(moments, [[1, 0], [0, 1]]) / mass, 0.0)
    start = op.Min(op.Cast(nearest, to=AS_INT), SIDE - count)
    around = op.Concat(start, (SIDE - BOX) - start, axis=0)
    return op.Pad(op.Cast(digit, to=AS_BYTE), around)


@script()
def drawn(
    inner: UINT8[...], dropped: INT64[2], paper: UINT8
) -> tuple[BOOL, BOOL, FLOAT[...], INT64[2], INT64[4], BOOL]:
    """Whether there is ink, and whether it must be a single digit; its box scaled to [BOX, BOX] padded with
    zeros, and its sides there; its box in the picture; whether the paper is brighter."""
    ink, inverted = ink_on(grey(inner), paper)
    profile = op.ReduceMax(ink, [1], keepdims=0)
    outline = op.ReduceMax(op.Transpose(ink, perm=[1, 0]), [1], keepdims=0)
    strongest = op.ReduceMax(profile, keepdims=0)
    some = strongest >= LEAST_CONTRAST
    first, length = extent(op.Sign(profile), op.Sign(outline))
    longest = op.ReduceMax(length, keepdims=0)
    as_large = op.And(some, op.Equal(longest, BOX))
    if as_large:
        # Already as in MNIST: the averages are the pixels.
        begin = op.Identity(first)
        sides = op.Identity(length)
        count = op.Identity(length)
        averaged = op.Pad(ink, op.Concat(-first, first + BOX - op.Shape(ink), axis=0))
        exact = op.Constant(value=ALWAYS)
    else:
        factor = op.Max(longest / BOX, op.Constant(value_int=1))
        multiple = op.Equal(factor * BOX, longest)
        if multiple:
            whole = is_exact(ink, first, factor)
        else:
            whole = op.Constant(value=NEVER)
        cut = op.Where(whole, 0.0, strongest * RINGING)
        level = op.Where(whole, 0.0, strongest * BOX_CONTRAST)
        first_begin, first_sides = box_of(profile, outline, level)
        extents = op.Shape(ink)
        origin = op.Max(first_begin - 1, [0])
        part = op.Slice(ink, origin, op.Min(first_begin + first_sides + 1, extents), [0, 1])
        left = op.Where(part > cut, part, 0.0)
        if whole:
            begin = op.Identity(first_begin)
            sides = op.Identity(first_sides)
        else:
            begin, sides = without_specks(left, level, strongest, first_begin, first_sides, origin)
        averaged, count = scaled(left, origin, extents, begin, sides)
        small = op.ReduceMax(op.Shape(ink)) <= SINGLE
        exact = op.And(some, op.Squeeze(op.Or(whole, small)))
    top_left = begin + dropped
    return some, exact, averaged, count, op.Concat(top_left, top_left + sides, axis=0), inverted


@script()
def shares(
    begin: FLOAT[1], extent: FLOAT[1], outputs: INT64[1], size: INT64[1]
) -> tuple[UINT8[...], BOOL[...]]:
    places = op.Unsqueeze(op.Cast(op.Range(0, op.Squeeze(outputs), 1), to=AS_FLOAT), [1])
    middles = begin + (places + 0.5) * extent
    inside = op.And(middles > 0.0, middles < op.Cast(size, to=AS_FLOAT))
    edge = op.Cast(op.Range(1, op.Squeeze(size), 1), to=AS_FLOAT)
    falls = op.Floor((edge - begin) / extent * SUM + 0.5)
    never, always = op.Constant(value_floats=[-1e9]), op.Constant(value_floats=[1e9])
    # Rounding to bytes cuts off at 0 and at `WHOLE`.
    covered = op.QuantizeLinear(
        op.Concat(never, falls, always, axis=0) - places * SUM, 1.0, op.Cast(0, to=AS_BYTE)
    )
    return op.Slice(covered, [1], size + 1, [1]) - op.Slice(covered, [0], size, [1]), inside


@script()
def product(left: UINT8[...], right: UINT8[...]) -> UINT8[...]:
    """The matrix product, divided by `WHOLE` and rounded half to even."""
    zero = op.Cast(0, to=AS_BYTE)
    return op.QLinearMatMul(left, 1.0, zero, right, 1.0, zero, SUM, zero)


@script()
def needed(weights: UINT8[...], part: INT64[1], parts: INT64[1]) -> tuple[UINT8[...], INT64[1], INT64[1]]:
    """A part of the weights that average a whole picture, for the few lines that it needs; the first of
    these, and the next after the last."""
    outputs, size = op.Split(op.Shape(weights), num_outputs=2)
    begin, end = op.Split(outputs * op.Add(part, [0, 1]) / parts, num_outputs=2)
    # Rounding may move an edge by a line.
    first = op.Max(begin * size / outputs - 1, [0])
    last = op.Min(end * size / outputs + 2, size)
    return (
        op.Slice(weights, op.Concat(begin, first, axis=0), op.Concat(end, last, axis=0), [0, 1]),
        first,
        last,
    )


@script()
def some_rows(image: UINT8[...], down: UINT8[...], part: INT64[1]) -> UINT8[...]:
    weights, first, last = needed(down, part, [8])
    return product(weights, op.Reshape(op.Slice(image, first, last, [0]), [0, -1]))


@script()
def some_columns(planes: UINT8[...], across: UINT8[...], part: INT64[1]) -> UINT8[...]:
    weights, first, last = needed(across, part, [4])
    return product(op.Slice(planes, first, last, [2]), op.Transpose(weights, perm=[1, 0]))


@script()
def planes_of(rows: UINT8[...], image: UINT8[...]) -> UINT8[...]:
    """Planes [channels, rows, width] of a picture that has been averaged to these rows."""
    shape = op.Concat([-1], op.Shape(image, start=1), axis=0)
    return op.Transpose(op.Reshape(rows, shape), perm=[2, 0, 1])


@script()
def averaged(image: UINT8[...], down: UINT8[...], across: UINT8[...]) -> UINT8[...]:
    """Planes [channels, rows, columns]."""
    rows = product(down, op.Reshape(image, [0, -1]))
    return product(planes_of(rows, image), op.Transpose(across, perm=[1, 0]))


@script()
def wholly_averaged(image: UINT8[...], down: UINT8[...], across: UINT8[...]) -> UINT8[...]:
    """The same, faster, for weights of the whole picture."""
    rows = op.Concat(
        some_rows(image, down, [0]),
        some_rows(image, down, [1]),
        some_rows(image, down, [2]),
        some_rows(image, down, [3]),
        some_rows(image, down, [4]),
        some_rows(image, down, [5]),
        some_rows(image, down, [6]),
        some_rows(image, down, [7]),
        axis=0,
    )
    planes = planes_of(rows, image)
    left = some_columns(planes, across, [0])
    middle = some_columns(planes, across, [1])
    right = some_columns(planes, across, [2])
    return op.Concat(left, middle, right, some_columns(planes, across, [3]), axis=2)


@script()
def network_input(planes: UINT8[...], inside: BOOL[...]) -> FLOAT[...]:
    colours = op.Cast(planes, to=AS_FLOAT)
    known = op.Cast(inside, to=AS_FLOAT)
    count = op.ReduceSum(known, keepdims=0)
    sums = op.ReduceSum(colours * known, [1, 2])
    means = op.Floor((sums * 2.0 + count) / (count * 2.0))
    shifted = (colours - means) * known
    by_row = op.ReduceSumSquare(shifted, [2])
    squares = op.ReduceSum(op.Cast(by_row, to=AS_INT), keepdims=0)
    variance = squares / op.Cast(count * 3.0, to=AS_INT)
    level = (
        op.ReduceSum(op.Cast(variance >= op.Constant(value=LEVELS_OF_VARIANCE), to=AS_INT), keepdims=0) - 1
    )
    scale = op.Gather(op.Constant(value=LEVELS_OF_SCALE), level)
    pixels = op.Clip(op.Floor(shifted * scale + 0.5), -127.0, 127.0)
    return op.Unsqueeze(op.Concat(pixels, op.Unsqueeze(known * INSIDE, [0]), axis=0), [0])


@script()
def page_of(image: UINT8[...]) -> tuple[UINT8[...], BOOL[...], INT64[2]]:
    """Planes [3, PAGE, PAGE], where the picture is, and its size there."""
    given = op.Shape(image, end=2)
    longest = op.ReduceMax(given)
    size = op.Max((given * (2 * PAGE) + longest) / (longest * 2), [1])
    scale = op.Cast(given, to=AS_FLOAT) / op.Cast(size, to=AS_FLOAT)
    height, width = op.Split(given, num_outputs=2)
    rows, columns = op.Split(size, num_outputs=2)
    tall, wide = op.Split(scale, num_outputs=2)
    start = op.Constant(value_floats=[0.0])
    down, _ = shares(start, tall, rows, height)
    across, _ = shares(start, wide, columns, width)
    beyond = op.Concat([0, 0, 0, 0], PAGE - size, axis=0)
    planes = op.Pad(op.Expand(wholly_averaged(image, down, across), [3, 1, 1]), beyond)
    places = op.Range(0, PAGE, 1)
    inside = op.And(op.Unsqueeze(places < rows, [1]), places < columns)
    return planes, inside, size


@script()
def located(image: UINT8[...], clean: BOOL) -> tuple[INT64[...], BOOL[...]]:
    planes, inside, size = page_of(image)
    outputs = op.Squeeze(NETWORKS.locator(network_input(planes, inside)), [0])
    scores = op.Unsqueeze(op.Slice(outputs, [0], [1], [0]), [0]) * CELL_COUNT - op.Constant(value=RANKS)
    highest = op.MaxPool(scores, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    peaks = op.Reshape(op.Where(op.Equal(scores, highest), scores, -1e9), [-1])
    best, index = op.TopK(peaks, op.Constant(value_ints=[CANDIDATES]))
    chosen = op.Gather(op.Reshape(outputs, [0, -1]), index, axis=1)
    cells = op.Concat(op.Unsqueeze(index / CELLS, [0]), op.Unsqueeze(op.Mod(index, CELLS), [0]), axis=0)
    middle = op.Cast(cells, to=AS_FLOAT) * CELL_SIDE + HALF_CELL
    reach = op.Relu(op.Slice(chosen, [1], [5], [0])) * REACH
    before, after = op.Split(reach, axis=0, num_outputs=2)
    whole = op.Unsqueeze(op.Cast(size, to=AS_FLOAT), [1])
    begin = op.Relu(middle - before)
    end = op.Min(middle + after, whole)
    inner = op.Min(op.Unsqueeze(end, [2]), op.Unsqueeze(end, [1]))
    outer = op.Max(op.Unsqueeze(begin, [2]), op.Unsqueeze(begin, [1]))
    down, across = op.Split(op.Relu(inner - outer), axis=0, num_outputs=2)
    tall, wide = op.Split(end - begin, axis=0, num_outputs=2)
    areas = tall * wide
    other_areas = op.Transpose(areas, perm=[1, 0])
    odds, _ = op.Split(chosen, [1, 5], axis=0)
    other_odds = op.Transpose(odds, perm=[1, 0])
    whole_digit = op.And(areas > other_areas * LARGER, odds > other_odds - NEARLY_ODDS)
    first_seen = op.And(op.Constant(value=BEFORE), op.Not(op.Transpose(whole_digit, perm=[1, 0])))
    least = op.Where(clean, op.Constant(value=SURE_SCORES), op.Constant(value=LEAST_SCORES))
    sure = best > least
    much = op.And(op.Squeeze(down * across, [0]) > op.Min(other_areas, areas) * OVERLAP, sure)
    hides = op.And(much, op.Or(first_seen, whole_digit))
    hidden = op.ReduceMax(op.Cast(hides, to=AS_FLOAT), [1], keepdims=0) > 0.0
    apart = op.And(sure, op.Not(hidden))
    longest = op.ReduceMax(end - begin, [0], keepdims=0)
    largest = op.ReduceMax(longest * op.Cast(apart, to=AS_FLOAT))
    kept = op.And(apart, longest >= largest * SIMILAR)
    scale = op.Unsqueeze(op.Cast(op.Shape(image, end=2), to=AS_FLOAT), [1]) / whole
    corners = op.Concat(op.Floor(begin * scale), op.Ceil(end * scale), axis=0)
    boxes = op.Compress(op.Cast(op.Transpose(corners, perm=[1, 0]), to=AS_INT), kept, axis=0)
    cut_odds = op.Squeeze(op.Slice(chosen, [5], [6], [0]), [0])
    away = op.ReduceMin(op.Min(begin, whole - end), [0], keepdims=0)
    return boxes, op.Compress(op.And(cut_odds > CUT_ODDS, away < EDGE_PIXELS), kept, axis=0)


@script()
def look(
    picture: UINT8[...], clean: BOOL, begin: INT64[2], end: INT64[2], boxes: INT64[...], cut: BOOL[...]
) -> tuple[BOOL, INT64[2], INT64[2], INT64[...], BOOL[...]]:
    """Whether another look is worth while, at which part; the digits in this part, or those given if it has
    none."""
    found, found_cut = located(op.Slice(picture, begin, end, [0, 1]), clean)
    some = op.Squeeze(op.Shape(found, end=1) > 0)
    if some:
        seen = found + op.Concat(begin, begin, axis=0)
        seen_cut = op.Identity(found_cut)
    else:
        seen = op.Identity(boxes)
        seen_cut = op.Identity(cut)
    complete = op.Cast(op.ReduceSum(op.Cast(op.Not(seen_cut), to=AS_INT), keepdims=0), to=AS_BOOL)
    if complete:
        ahead, behind = op.Split(seen, axis=1, num_outputs=2)
        margin = op.ReduceMax(behind - ahead, keepdims=0)
        first = op.Max(op.ReduceMin(ahead, [0], keepdims=0) - margin, begin)
        last = op.Min(op.ReduceMax(behind, [0], keepdims=0) + margin, end)
        closer = op.ReduceMax(last - first, keepdims=0) * 3 <= op.ReduceMax(end - begin, keepdims=0) * 2
    else:
        first = op.Identity(begin)
        last = op.Identity(end)
        closer = op.Identity(complete)
    return closer, first, last, seen, seen_cut


@script()
def locate(picture: UINT8[...], clean: BOOL, begin: INT64[2], end: INT64[2]) -> tuple[INT64[...], BOOL[...]]:
    """Boxes [n, 4] of the digits in a part of a picture, surest first, and which are cut off."""
    none = op.Constant(value=NO_BOXES)
    uncut = op.Constant(value=NO_CUTS)

    @graph()
    def again(
        _turn: INT64,
        _on: BOOL,
        first: INT64[2],
        last: INT64[2],
        boxes: INT64["n", 4],
        cut: BOOL["n"],
    ):
        closer, next_first, next_last, seen, seen_cut = look(picture, clean, first, last, boxes, cut)
        return closer, next_first, next_last, seen, seen_cut

    _first, _last, digits, cut_off = op.Loop(
        op.Constant(value_int=2), op.Constant(value=ALWAYS), begin, end, none, uncut, body=again
    )
    return digits, cut_off


@script()
def photographed(image: UINT8[...], box: INT64[4]) -> tuple[BOOL, FLOAT[...], INT64[2], INT64[4], BOOL]:
    """Whether there is ink of the digit in a box; its box scaled to [BOX, BOX] padded with zeros, and its
    sides there; its box in the picture; whether the paper is brighter."""
    size = op.Shape(image, end=2)
    first, last = op.Split(op.Cast(box, to=AS_FLOAT), num_outputs=2)
    side = op.ReduceMax(last - first) * AROUND
    scale = side / CROP
    corner = (first + last) / 2.0 - side / 2.0
    begin = op.Max(op.Min(op.Cast(op.Floor(corner), to=AS_INT), size - 1), [0])
    end = op.Min(op.Max(op.Cast(op.Ceil(corner + side), to=AS_INT), begin + 1), size)
    part = op.Slice(image, begin, end, [0, 1])
    top, left = op.Split(corner - op.Cast(begin, to=AS_FLOAT), num_outputs=2)
    height, width = op.Split(end - begin, num_outputs=2)
    down, inside_down = shares(top, scale, op.Constant(value_ints=[CROP]), height)
    across, inside_across = shares(left, scale, op.Constant(value_ints=[CROP]), width)
    planes = op.Expand(averaged(part, down, across), [3, 1, 1])
    inside = op.And(inside_down, op.Transpose(inside_across, perm=[1, 0]))

    odds = op.Squeeze(NETWORKS.segmenter(network_input(planes, inside)), [0, 1])
    possible = op.And(odds > POSSIBLE_ODDS, inside)
    known = op.Cast(possible, to=AS_FLOAT)
    sure = op.Cast(op.And(odds > SURE_ODDS, inside), to=AS_FLOAT)
    blank = op.Cast(op.And(inside, op.Not(possible)), to=AS_FLOAT)
    near = op.Constant(value=NEAR)
    colours = op.Cast(planes, to=AS_FLOAT)
    paper_only = colours * blank
    around = op.MatMul(op.MatMul(near, paper_only), near)
    count = op.MatMul(op.MatMul(near, blank), near)
    everywhere = op.ReduceSum(paper_only, [1, 2]) / op.Max(op.ReduceSum(blank, keepdims=0), 1.0)
    paper = op.Where(count > 0.0, around / op.Max(count, 1.0), everywhere)
    shade = op.Floor((colours - paper) / op.Max(paper, op.Cast(DARKEST, to=AS_FLOAT)) * 255.0 + 0.5)
    strength = op.ReduceSum(shade * sure, [1, 2]) / op.Max(op.ReduceSum(sure, keepdims=0), 1.0)
    red, green, blue = op.Split(strength, axis=0, num_outputs=3)
    reds, greens, blues = op.Split(shade, axis=0, num_outputs=3)
    along = reds * red + greens * green + blues * blue
    full = op.Max(red * red + green * green + blue * blue, 1.0)
    share = op.Clip(op.Squeeze(along / full * GAIN, [0]), 0.0, 1.0)
    ink = op.Floor(share * 255.0 + 0.5) * known
    inverted = op.Squeeze(red + green + blue < 0.0)

    profile = op.ReduceMax(ink, [1], keepdims=0)
    outline = op.ReduceMax(ink, [0], keepdims=0)
    strongest = op.ReduceMax(profile)
    some = op.Squeeze(strongest >= LEAST_CONTRAST)
    corner_inside, sides = box_of(profile, outline, strongest * BOX_CONTRAST)
    end_inside = corner_inside + sides
    # Where in its outermost pixels the ink begins and ends.
    level = op.Max(strongest, 1.0)
    lines = op.Concat(op.Unsqueeze(profile, [0]), op.Unsqueeze(outline, [0]), axis=0)
    first_levels = op.Squeeze(op.GatherElements(lines, op.Unsqueeze(corner_inside, [1]), axis=1), [1])
    last_levels = op.Squeeze(op.GatherElements(lines, op.Unsqueeze(end_inside - 1, [1]), axis=1), [1])
    start = op.Cast(corner_inside, to=AS_FLOAT) + 1.0 - first_levels / level
    stop = op.Cast(end_inside, to=AS_FLOAT) - 1.0 + last_levels / level
    length = stop - start
    outputs = op.Max(op.Floor(length * LONGEST / op.ReduceMax(length) + 0.5), 1.0)
    number = op.Cast(outputs, to=AS_INT)
    starts_down, starts_across = op.Split(start, num_outputs=2)
    each_down, each_across = op.Split(length / outputs, num_outputs=2)
    rows, columns = op.Split(number, num_outputs=2)
    by_row, _ = shares(starts_down, each_down, rows, op.Constant(value_ints=[CROP]))
    by_column, _ = shares(starts_across, each_across, columns, op.Constant(value_ints=[CROP]))
    weights = op.Cast(op.Transpose(by_column, perm=[1, 0]), to=AS_FLOAT)
    means = op.MatMul(op.MatMul(op.Cast(by_row, to=AS_FLOAT), ink), weights) / WHOLE_SQUARED
    digit = op.Pad(means, op.Concat([0, 0], BOX - number, axis=0))
    reach = op.Concat(start, stop, axis=0)
    corners = op.Floor(op.Concat(corner, corner, axis=0) + reach * scale + 0.5)
    place = op.Max(op.Min(op.Cast(corners, to=AS_INT), op.Concat(size, size, axis=0)), [0])
    return some, digit, number, place, inverted


@script()
def drawn_within(
    inner: UINT8[...], dropped: INT64[2], paper: UINT8, box: INT64[4]
) -> tuple[BOOL, FLOAT[...], INT64[2], INT64[4], BOOL]:
    """Like `photographed`, for a drawing without its frame."""
    first, last = op.Split(box, num_outputs=2)
    margin = op.ReduceMax(last - first) / MARGIN + 1
    size = op.Shape(inner, end=2)
    begin = op.Max(op.Min(first - dropped - margin, size - 1), [0])
    end = op.Min(op.Max(last - dropped + margin, begin + 1), size)
    some, _, digit, count, place, inverted = drawn(
        op.Slice(inner, begin, end, [0, 1]), dropped + begin, paper
    )
    before, after = op.Split(place - op.Concat(dropped, dropped, axis=0), num_outputs=2)
    above = op.And(op.Equal(before, begin), begin > 0)
    below = op.And(op.Equal(after, end), end < size)
    crossed = op.ReduceMax(op.Cast(op.Or(above, below), to=AS_INT), keepdims=0)
    return op.And(some, op.Equal(crossed, 0)), digit, count, place, inverted


@script()
def judged(
    picture: UINT8[...],
    inner: UINT8[...],
    dropped: INT64[2],
    paper: UINT8,
    clean: BOOL,
    is_drawn: BOOL,
    drawing: FLOAT[...],
    drawn_count: INT64[2],
    drawn_place: INT64[4],
    drawn_inverted: BOOL,
) -> tuple[FLOAT[...], INT64[2], INT64[4], BOOL, INT64[1], INT64[...]]:
    """The digit like that of `drawn`, from there or from a photograph; `reason`, and `boxes`."""
    top_left, bottom_right = op.Split(drawn_place, num_outputs=2)
    extent = op.ReduceMax(bottom_right - top_left)
    size = op.Shape(picture, end=2)
    away = op.ReduceMin(op.Min(top_left, size - bottom_right), keepdims=0) > 0
    margin = op.Where(op.And(is_drawn, away), extent / 2 + 1, size)
    begin = op.Max(top_left - margin, [0])
    digits, cut = locate(picture, clean, begin, op.Min(bottom_right + margin, size))
    any_digit = op.Squeeze(op.Shape(digits, end=1) > 0)
    if any_digit:
        whole = op.Not(cut)
        complete = op.ReduceSum(op.Cast(whole, to=AS_INT))
        main = op.ArgMax(op.Cast(whole, to=AS_FLOAT), axis=0)
        box = op.Squeeze(op.Gather(digits, main, axis=0), [0])
        first, last = op.Split(box, num_outputs=2)
        single = op.Where(op.ReduceMax(last - first) < SMALLEST, TOO_SMALL, NONE)
        several = op.Squeeze(complete > 1)
        reason = op.Where(complete > 1, SEVERAL_DIGITS, op.Where(op.Equal(complete, 0), CUT_OFF, single))
        drawn_alone = op.And(clean, op.Not(several))
        if drawn_alone:
            alone, its_digit, its_count, its_place, its_inverted = drawn_within(inner, dropped, paper, box)
        else:
            alone = op.Identity(drawn_alone)
            its_digit = op.Identity(drawing)
            its_count = op.Identity(drawn_count)
            its_place = op.Identity(drawn_place)
            its_inverted = op.Identity(drawn_inverted)
        large = op.Squeeze(extent * 5 > op.ReduceMax(last - first) * 8)
        mass = op.Cast(op.ReduceSum(stretched(drawing), keepdims=0), to=AS_INT)
        area = mass >= op.ReduceProd(drawn_count, keepdims=0) * SOLID
        elsewhere = op.Or(op.Or(op.Not(is_drawn), several), op.Or(large, area))
        if alone:
            some = op.Identity(alone)
            digit = op.Identity(its_digit)
            count = op.Identity(its_count)
            place = op.Identity(its_place)
            inverted = op.Identity(its_inverted)
        else:
            if elsewhere:
                seen, its_ink, its_sides, its_box, on_bright = photographed(picture, box)
                some = op.Or(seen, is_drawn)
                digit = op.Where(seen, its_ink, drawing)
                count = op.Where(seen, its_sides, drawn_count)
                place = op.Where(seen, its_box, drawn_place)
                inverted = op.Or(op.And(seen, on_bright), op.And(op.Not(seen), drawn_inverted))
            else:
                some = op.Identity(is_drawn)
                digit = op.Identity(drawing)
                count = op.Identity(drawn_count)
                place = op.Identity(drawn_place)
                inverted = op.Identity(drawn_inverted)
        ahead, behind = op.Split(place, num_outputs=2)
        room = op.ReduceMin(op.Min(ahead, size - behind), keepdims=0)
        within = op.And(some, room * ROOM > op.ReduceMax(behind - ahead, keepdims=0))
        why = op.Where(op.And(op.Equal(reason, CUT_OFF), within), NONE, reason)
        row = op.Unsqueeze(main, [0])
        boxes = op.ScatterND(digits, row, op.Unsqueeze(place, [0]))
    else:
        some = op.Identity(is_drawn)
        digit = op.Identity(drawing)
        count = op.Identity(drawn_count)
        place = op.Identity(drawn_place)
        inverted = op.Identity(drawn_inverted)
        why = op.Constant(value_ints=[NONE])
        boxes = op.Unsqueeze(drawn_place, [0])
    as_number = op.Cast(some, to=AS_INT)
    kept = op.Slice(boxes, [0], op.Shape(boxes, end=1) * as_number, [0])
    answer = op.Where(some, why, BLANK)
    shown = digit * op.Cast(some, to=AS_FLOAT)
    return shown, count, place * as_number, op.And(inverted, some), answer, kept


@script()
def prepared(image: UINT8[...]) -> tuple[UINT8[...], INT64[1]]:
    """A picture of 1 or 3 channels that is small enough, and how many times smaller it is."""
    step = (op.ReduceMax(op.Shape(image, end=2)) + (LARGEST_SIDE - 1)) / LARGEST_SIDE
    large = op.Squeeze(step > 1)
    if large:
        small = reduced(image, step)
    else:
        small = op.Identity(image)
    four = op.Equal(op.Shape(image, start=2), 4)
    if four:
        picture = opaque(small)
    else:
        picture = op.Identity(small)
    return picture, step


@script()
def normalize(
    image: UINT8["height", "width", "channels"],
) -> tuple[UINT8[1, SIDE, SIDE], INT64[4], BOOL[1], INT64[1], INT64["digits", 4]]:
    given = op.Shape(image)
    simple = op.ReduceMax(given - op.Constant(value=SIMPLE), keepdims=0) < 1
    if simple:
        picture = op.Identity(image)
        step = op.Constant(value_ints=[1])
    else:
        picture, step = prepared(image)
    inner, dropped, paper, clean = paper_of(picture)
    if clean:
        is_drawn, exact, drawing, drawn_count, drawn_place, drawn_inverted = drawn(inner, dropped, paper)
    else:
        is_drawn = op.Identity(clean)
        exact = op.Identity(clean)
        drawing = op.ConstantOfShape(op.Constant(value_ints=[BOX, BOX]))
        drawn_count = op.Constant(value_ints=[1, 1])
        drawn_place = op.Constant(value_ints=[0, 0, 0, 0])
        drawn_inverted = op.Identity(clean)
    if exact:
        digit = op.Identity(drawing)
        count = op.Identity(drawn_count)
        place = op.Identity(drawn_place)
        is_dark = op.Identity(drawn_inverted)
        why = op.Constant(value_ints=[NONE])
        digits = op.Unsqueeze(drawn_place, [0])
    else:
        digit, count, place, is_dark, why, digits = judged(
            picture,
            inner,
            dropped,
            paper,
            clean,
            is_drawn,
            drawing,
            drawn_count,
            drawn_place,
            drawn_inverted,
        )
    pixels = op.Unsqueeze(centred(digit, count), [0])
    corners = op.Gather(given, [0, 1, 0, 1])
    box = op.Min(place * step, corners)
    inverted = op.Unsqueeze(is_dark, [0])
    reason = op.Identity(why)
    boxes = op.Min(digits * step, corners)
    return pixels, box, inverted, reason, boxes


def normalizer_model() -> onnx.ModelProto:
    """Return the graph: `image` uint8 [height, width, 1 | 3 | 4] → `pixels` uint8 [1, 28, 28],
    `box` int64 [4], `inverted` bool [1], `reason` int64 [1] and `boxes` int64 [n, 4].
    """
    model = normalize.to_model_proto()
    model.functions.extend([network_function("locator", LOCATOR), network_function("segmenter", SEGMENTER)])
    model = inliner.inline_local_functions(model)
    # Without types inside branches the optimizer would leave a cast at every constant there.
    model = onnxscript.optimizer.optimize(onnx.shape_inference.infer_shapes(model))
    onnxscript.optimizer.remove_unused_nodes(model)
    return model
