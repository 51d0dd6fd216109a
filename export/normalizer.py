"""The normalizer as a graph of standard ONNX operators: `train/normalize.py` step by step, for any picture.

Functions have the names and constants of the reference. For a small picture each operator costs half a
microsecond, so rows and columns share one vector, and branches skip what a picture does not need. For a large
picture each pass over its pixels costs, so they stay bytes for long, and everything outside the ink is cut
off before noise is measured. All branches give the same numbers.

The bytes of the graph depend on the line numbers inside the functions and on PYTHONHASHSEED; see
`normalizer_graph` in `from_image.py`.
"""

from typing import Final

import numpy as np
import onnx
import onnxscript
from onnx import TensorProto, inliner, numpy_helper
from onnxscript import BOOL, FLOAT, INT64, UINT8, script
from onnxscript import opset20 as op

from train.normalize import (
    BLANK,
    BOX,
    BOX_CONTRAST,
    CLEAN_CONTRAST,
    FRAME_CONTRAST,
    FRAME_SHARE,
    FRAME_WHOLE,
    FULL_CONTRAST,
    LARGEST_SIDE,
    LARGEST_SLOPE,
    LEAST_CONTRAST,
    MOSTLY_OPAQUE,
    NOISE_WIDTHS,
    NONE,
    RINGING,
    SIDE,
    SPECK_CONTRAST,
)

FRAME_PARTS = round(1 / FRAME_SHARE)
HALF_UP = 0.5 + 1 / 512
LEAST_AVERAGE = 1e-6
BLOCK = 512
"""A crop is aligned to these rows and columns of its picture: matrix products are summed block by block, and
the sums should not depend on where in the picture the ink is."""

AS_FLOAT = TensorProto.FLOAT
AS_INT = TensorProto.INT64
AS_BYTE = TensorProto.UINT8

# A millionth more than ITU-R BT.601, so that halves round up; no other of the 256^3 colours is near a half.
SHARES = numpy_helper.from_array(np.array([[0.299, 0.587, 0.114, 0]], np.float32) * np.float32(1 + 1e-6))
# Multiplied with a digit from both sides: its mass, and its moments about where its centre should be.
ABOUT_CENTRE: Final = np.stack([np.ones(BOX), (SIDE + 1) / 2 - np.arange(BOX)]).astype(np.float32)
MOMENTS_DOWN = numpy_helper.from_array(ABOUT_CENTRE)
MOMENTS_ACROSS = numpy_helper.from_array(np.ascontiguousarray(ABOUT_CENTRE.T))
OUTPUTS = numpy_helper.from_array(np.arange(BOX, dtype=np.float32).reshape(1, BOX, 1))
NEVER = numpy_helper.from_array(np.zeros(1, bool))
NEIGHBOURS = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32))


@script()
def median(values: FLOAT[...]) -> FLOAT[...]:
    """Median along the last axis, which is kept."""
    count = op.Shape(values, start=-1)
    largest, _ = op.TopK(values, count - count / 2, axis=-1, sorted=0)
    return op.ReduceMin(largest, [-1], keepdims=1)


@script()
def edges(values: FLOAT[...]) -> FLOAT[...]:
    """First and last row, each followed by the first and last column: [2, width + height]."""
    rows = op.Gather(values, [0, -1], axis=0)
    columns = op.Gather(values, [0, -1], axis=1)
    return op.Concat(rows, op.Transpose(columns, perm=[1, 0]), axis=1)


@script()
def over_paper(visible: UINT8[...], alpha: UINT8[...]) -> UINT8[...]:
    opaque = op.Cast(op.ReduceMin(alpha), to=AS_INT) == 255
    if opaque:
        seen = op.Identity(visible)
    else:
        light = op.Cast(visible, to=AS_FLOAT)
        cover = op.Cast(alpha, to=AS_FLOAT)
        covered = op.ReduceMean(cover, keepdims=0)
        lit = light * cover
        brightness = op.ReduceMean(lit, keepdims=0) / op.Max(covered, 1.0)
        behind = op.Where(brightness > 127.0, 0.0, 255.0)
        paper = op.Where(covered > MOSTLY_OPAQUE, op.Floor(brightness), behind)
        seen = op.Cast((lit + paper * (255.0 - cover) + 127.0) / 255.0, to=AS_BYTE)
    return seen


@script()
def grey(image: UINT8[...]) -> UINT8[...]:
    channels = op.Shape(image, start=2)
    single = op.Equal(channels, 1)
    if single:
        light = op.Squeeze(image, [2])
    else:
        planes = op.Reshape(op.Transpose(image, perm=[2, 0, 1]), [0, -1])
        shares = op.Slice(op.Constant(value=SHARES), [0], channels, [1])
        mixed = op.MatMul(shares, op.Cast(planes, to=AS_FLOAT))
        visible = op.QuantizeLinear(mixed, 1.0, op.Cast(0, to=AS_BYTE))
        four = op.Equal(channels, 4)
        if four:
            alpha = op.Slice(planes, [3], [4], [0])
            seen = over_paper(visible, alpha)
        else:
            seen = op.Identity(visible)
        light = op.Reshape(seen, op.Shape(image, end=2))
    return light


@script()
def steps(length: INT64[1]) -> FLOAT[...]:
    positions = op.Cast(op.Range(0, op.Squeeze(length), 1), to=AS_FLOAT)
    return positions / op.Cast(op.Max(length - 1, [1]), to=AS_FLOAT) - 0.5


@script()
def sloped(paper_levels: FLOAT[...], size: INT64[2]) -> FLOAT[...]:
    """A plane [height, width] through levels at the [[top, left], [bottom, right]] of a picture."""
    level = op.ReduceSum(paper_levels, keepdims=0) / 4.0
    first, last = op.Split(paper_levels, axis=0, num_outputs=2)
    rise, run = op.Split(last - first, axis=1, num_outputs=2)
    height, width = op.Split(size, num_outputs=2)
    down = op.Transpose(rise * op.Unsqueeze(steps(height), [0]))
    return level + down + run * op.Unsqueeze(steps(width), [0])


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
def ink_on_dark(light: UINT8[...]) -> tuple[FLOAT[...], FLOAT[1], BOOL]:
    size = op.Shape(light)
    height, width = op.Split(size, num_outputs=2)
    lengths = op.Concat(width, height, axis=0)
    ring = op.Cast(edges(light), to=AS_FLOAT)
    bright = op.Squeeze(median(op.Reshape(ring, [-1])) > 127.0)
    black = op.Where(bright, 255.0, 0.0)
    outermost = op.Abs(ring - black)
    paper = median(op.Reshape(outermost, [-1]))
    rows, columns = op.Split(outermost, lengths, axis=1)
    middles = op.Concat(median(rows), median(columns), axis=1)
    plane = sloped(op.Where(op.Abs(middles - paper) <= LARGEST_SLOPE, middles, paper), size)
    # Light multiplies: with half of it, ink stands out half as much. On black or white, the factor is 1.
    dark = op.DequantizeLinear(light, op.Where(bright, -1.0, 1.0), op.Cast(black, to=AS_BYTE))
    above = (dark - plane) * (255.0 / op.Max(255.0 - plane, op.Cast(LEAST_CONTRAST, to=AS_FLOAT)))
    noise = median(op.Reshape(op.Abs(edges(above)), [-1]))
    return op.Relu(above), noise, bright


@script()
def ink_on_flat(light: UINT8[...], paper: UINT8[...]) -> tuple[FLOAT[...], BOOL]:
    """Same as `ink_on_dark` if all outermost pixels, and most just inside, have one brightness."""
    level = op.Cast(paper, to=AS_FLOAT)
    bright = level > 127.0
    room = op.Where(bright, level, 255.0 - level)
    gain = op.Where(bright, -255.0, 255.0) / op.Max(room, op.Cast(LEAST_CONTRAST, to=AS_FLOAT))
    ink = op.Relu(op.DequantizeLinear(light, gain, paper))
    return ink, bright


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
def box_of(rows: FLOAT[...], columns: FLOAT[...], level: FLOAT[1]) -> tuple[INT64[2], INT64[2]]:
    """Box of the ink above a level, from the strongest value of every row and every column."""
    begin, length = extent(op.Cast(rows > level, to=AS_FLOAT), op.Cast(columns > level, to=AS_FLOAT))
    return begin, length


@script()
def off_grid(changes: FLOAT[...], start: INT64[1], factor: INT64[1]) -> FLOAT[...]:
    count = op.Shape(changes)
    places = op.Range(1, op.Squeeze(count) + 1, 1) - start
    return op.ReduceSum(changes * op.Cast(op.Mod(places, factor) > 0, to=AS_FLOAT), keepdims=1)


@script()
def is_exact(ink: FLOAT[...], begin: INT64[2], factor: INT64[1]) -> BOOL[1]:
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
    level: FLOAT[1],
    strongest: FLOAT[1],
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
def centred(averaged: FLOAT[...], count: INT64[2]) -> UINT8[...]:
    """A box of this many rows and columns, padded with zeros, at full contrast, placed as in MNIST."""
    strongest = op.ReduceMax(averaged)
    # Without ink the result is not used, but it must be finite.
    factor = 255.0 / op.Where(strongest < FULL_CONTRAST, op.Max(strongest, LEAST_AVERAGE), 255.0)
    # Any ink stays at least 1.
    digit = op.Max(op.Floor(averaged * factor + HALF_UP), op.Sign(averaged))
    moments = op.MatMul(op.Constant(value=MOMENTS_DOWN), op.MatMul(digit, op.Constant(value=MOMENTS_ACROSS)))
    mass = op.Max(op.GatherND(moments, [[0, 0]]), 1.0)
    nearest = op.Max(op.GatherND(moments, [[1, 0], [0, 1]]) / mass, 0.0)
    start = op.Min(op.Cast(nearest, to=AS_INT), SIDE - count)
    around = op.Concat(start, (SIDE - BOX) - start, axis=0)
    return op.Pad(op.Cast(digit, to=AS_BYTE), around)


@script()
def normalize(
    image: UINT8["height", "width", "channels"],
) -> tuple[UINT8[1, SIDE, SIDE], INT64[4], BOOL[1], INT64[1], INT64["digits", 4]]:
    given = op.Shape(image, end=2)
    large = op.ReduceMax(given, keepdims=0) > LARGEST_SIDE
    if large:
        step = (op.ReduceMax(given) + (LARGEST_SIDE - 1)) / LARGEST_SIDE
        light = grey(op.Slice(image, [0, 0], given, [0, 1], op.Concat(step, step, axis=0)))
    else:
        step = op.Constant(value_ints=[1])
        light = grey(image)

    size = op.Shape(light)
    shortest = op.ReduceMin(size, keepdims=0)
    wanted = (op.ReduceMax(size, keepdims=0) + 32) / FRAME_PARTS
    thickness = op.Clip(wanted, op.Constant(value_int=1), (shortest - 1) / 2)
    lines = thickness * [0, 0, 1, -1] + [0, -1, 0, -1]
    rows = op.Gather(light, lines, axis=0)
    columns = op.Gather(light, lines, axis=1)
    ring, inner = op.Split(op.Concat(rows, op.Transpose(columns, perm=[1, 0]), axis=1), axis=0, num_outputs=2)
    paper = op.ReduceMax(ring, keepdims=0)
    same = op.Cast(op.Equal(inner, paper), to=AS_FLOAT)
    flat = op.And(op.Equal(paper, op.ReduceMin(ring, keepdims=0)), op.ReduceMean(same, keepdims=0) > 0.5)
    if flat:
        ink, bright = ink_on_flat(light, paper)
        noise = op.Constant(value_floats=[0.0])
        dropped = op.Constant(value_ints=[0, 0])
    else:
        dropped, beyond = frame(op.Cast(ring, to=AS_FLOAT), op.Cast(inner, to=AS_FLOAT), size, thickness)
        ink, noise, bright = ink_on_dark(op.Slice(light, dropped, size - beyond, [0, 1]))

    profile = op.ReduceMax(ink, [1], keepdims=0)
    outline = op.ReduceMax(op.Transpose(ink, perm=[1, 0]), [1], keepdims=0)
    strongest = op.ReduceMax(profile)
    first, length = extent(op.Sign(profile), op.Sign(outline))
    longest = op.ReduceMax(length)
    quiet = op.Equal(noise, 0.0)
    as_large = op.And(quiet, op.Equal(longest, BOX))
    if as_large:
        # Already as in MNIST: the averages are the pixels.
        top_left = op.Identity(first)
        sides = op.Identity(length)
        count = op.Identity(length)
        averaged = op.Pad(ink, op.Concat(-first, first + BOX - op.Shape(ink), axis=0))
        some = strongest >= LEAST_CONTRAST
    else:
        extents = op.Shape(ink)
        multiple = op.And(quiet, op.Equal(op.Mod(longest, BOX), 0))
        if multiple:
            factor = longest / BOX
            exact = is_exact(ink, first, factor)
        else:
            exact = op.Constant(value=NEVER)
        cut = op.Where(exact, 0.0, op.Max(noise * NOISE_WIDTHS, strongest * RINGING))
        level = op.Where(exact, 0.0, op.Max(cut, strongest * BOX_CONTRAST))
        begin, reach = box_of(profile, outline, level)
        origin = op.Max(begin - 1, [0])
        part = op.Slice(ink, origin, op.Min(begin + reach + 1, extents), [0, 1])
        left = op.Where(part > cut, part, 0.0)
        if exact:
            top_left = op.Identity(begin)
            sides = op.Identity(reach)
        else:
            top_left, sides = without_specks(left, level, strongest, begin, reach, origin)
        averaged, count = scaled(left, origin, extents, top_left, sides)
        some = op.And(strongest >= LEAST_CONTRAST, strongest > cut)

    pixels = op.Unsqueeze(op.Where(some, centred(averaged, count), op.Cast(0, to=AS_BYTE)), [0])
    corner = (top_left + dropped) * step
    end = op.Min((top_left + sides + dropped) * step, given)
    box = op.Where(some, op.Concat(corner, end, axis=0), 0)
    inverted = op.Unsqueeze(bright, [0])
    reason = op.Where(some, NONE, BLANK)
    boxes = op.Slice(op.Unsqueeze(box, [0]), [0], op.Cast(some, to=AS_INT), [0])
    return pixels, box, inverted, reason, boxes


def normalizer_model() -> onnx.ModelProto:
    """Return the graph: `image` uint8 [height, width, 1 | 3 | 4] → `pixels` uint8 [1, 28, 28],
    `box` int64 [4], `inverted` bool [1], `reason` int64 [1] and `boxes` int64 [n, 4].
    """
    model = inliner.inline_local_functions(normalize.to_model_proto())
    # Without types inside branches the optimizer would leave a cast at every constant there.
    return onnxscript.optimizer.optimize(onnx.shape_inference.infer_shapes(model))
