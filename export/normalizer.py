"""The normaliser as a graph of standard ONNX operators: `train/normalize.py` step by step, for any picture.

Each function is the reference's of the same name, with the reference's constants. There is no control
flow: one path serves every number of channels and every size from 1x1 up, and where the reference
cuts out, pads and pastes, the graph multiplies by matrices of fixed height.
"""

import onnx
import onnxscript
from onnx import TensorProto, inliner
from onnxscript import BOOL, FLOAT, INT64, UINT8, script
from onnxscript import opset20 as op

from train.normalize import (
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
    RINGING,
    SIDE,
    SPECK_CONTRAST,
)

FRAME_PARTS = round(1 / FRAME_SHARE)
HALF_UP = 0.5 + 1 / 512

AS_FLOAT = TensorProto.FLOAT
AS_INT = TensorProto.INT64
AS_SMALL_INT = TensorProto.INT32
AS_BYTE = TensorProto.UINT8


@script()
def median(values: FLOAT[...]) -> FLOAT[...]:
    count = op.Shape(values)
    largest, _ = op.TopK(values, count - count / 2)
    return op.ReduceMin(largest, keepdims=0)


@script()
def ring(values: FLOAT[...]) -> FLOAT[...]:
    return op.Concat(
        op.Gather(values, 0, axis=0),
        op.Gather(values, -1, axis=0),
        op.Gather(values, 0, axis=1),
        op.Gather(values, -1, axis=1),
        axis=0,
    )


@script()
def side(values: FLOAT[...], paper: FLOAT[...]) -> FLOAT[...]:
    middle = median(values)
    return op.Where(op.Abs(middle - paper) <= LARGEST_SLOPE, middle, paper)


@script()
def slope(length: INT64[1]) -> FLOAT[...]:
    positions = op.Cast(op.Range(0, op.Squeeze(length), 1), to=AS_FLOAT)
    return positions / op.Cast(op.Max(length - 1, [1]), to=AS_FLOAT) - 0.5


@script()
def differs(edge: FLOAT[...], paper: FLOAT[...]) -> INT64[1]:
    other = op.Cast(op.Abs(edge - paper) > FRAME_CONTRAST, to=AS_FLOAT)
    return op.Cast(op.ReduceMean(other, keepdims=1) > FRAME_WHOLE, to=AS_INT)


@script()
def thinned(image: UINT8[...]) -> tuple[UINT8[...], INT64[1]]:
    size = op.Shape(image, start=0, end=2)
    step = (op.ReduceMax(size, keepdims=1) + (LARGEST_SIDE - 1)) / LARGEST_SIDE
    return op.Slice(image, [0, 0], size, [0, 1], op.Concat(step, step, axis=0)), step


@script()
def grey(image: UINT8[...]) -> FLOAT[...]:
    channels = op.Shape(image, start=2, end=3)
    colours = op.Cast(op.Gather(image, op.Min([0, 1, 2, 3], channels - 1), axis=2), to=AS_SMALL_INT)
    shares = op.Cast([299, 587, 114, 0], to=AS_SMALL_INT)
    light = (op.ReduceSum(colours * shares, [2], keepdims=0) + 500) / 1000
    alpha = op.Where(channels == 4, op.Gather(colours, 3, axis=2), op.Cast(255, to=AS_SMALL_INT))
    covered = op.ReduceMean(op.Cast(alpha, to=AS_FLOAT), keepdims=0)
    brightness = op.ReduceMean(op.Cast(alpha * light, to=AS_FLOAT), keepdims=0) / op.Max(covered, 1.0)
    behind = op.Where(brightness > 127.0, 0.0, 255.0)
    paper = op.Cast(op.Where(covered > MOSTLY_OPAQUE, op.Floor(brightness), behind), to=AS_SMALL_INT)
    return op.Cast((light * alpha + paper * (255 - alpha) + 127) / 255, to=AS_FLOAT)


@script()
def unframed(light: FLOAT[...]) -> tuple[FLOAT[...], INT64[2]]:
    size = op.Shape(light)
    height = op.Gather(size, [0])
    width = op.Gather(size, [1])
    allowed = op.Max((op.Max(height, width) + 32) / FRAME_PARTS, [1])
    thickness = op.Min(op.Min(allowed, (height - 1) / 2), (width - 1) / 2)
    rows = op.Gather(light, op.Concat(thickness, height - 1 - thickness, axis=0), axis=0)
    columns = op.Gather(light, op.Concat(thickness, width - 1 - thickness, axis=0), axis=1)
    inner = op.Concat(op.Reshape(rows, [-1]), op.Reshape(columns, [-1]), axis=0)
    paper = median(inner)
    same = op.Cast(op.Abs(inner - paper) <= CLEAN_CONTRAST, to=AS_FLOAT)
    clean = op.ReduceMean(same, keepdims=0) >= FRAME_WHOLE
    frame = op.Where(clean, thickness, 0)
    top = frame * differs(op.Gather(light, 0, axis=0), paper)
    bottom = frame * differs(op.Gather(light, -1, axis=0), paper)
    left = frame * differs(op.Gather(light, 0, axis=1), paper)
    right = frame * differs(op.Gather(light, -1, axis=1), paper)
    begin = op.Concat(top, left, axis=0)
    end = op.Concat(height - bottom, width - right, axis=0)
    return op.Slice(light, begin, end, [0, 1]), begin


@script()
def ink_on_dark(light: FLOAT[...]) -> tuple[FLOAT[...], FLOAT[...], BOOL[...]]:
    bright = median(ring(light)) > 127.0
    dark = op.Where(bright, 255.0 - light, light)
    paper = median(ring(dark))
    top = side(op.Gather(dark, 0, axis=0), paper)
    bottom = side(op.Gather(dark, -1, axis=0), paper)
    left = side(op.Gather(dark, 0, axis=1), paper)
    right = side(op.Gather(dark, -1, axis=1), paper)
    level = (top + bottom + left + right) / 4.0
    down = (bottom - top) * slope(op.Shape(dark, start=0, end=1))
    across = (right - left) * slope(op.Shape(dark, start=1, end=2))
    plane = level + op.Unsqueeze(down, [1]) + across
    above = (dark - plane) * (255.0 / op.Max(255.0 - plane, op.Cast(LEAST_CONTRAST, to=AS_FLOAT)))
    return op.Relu(above), median(op.Abs(ring(above))), bright


@script()
def extent(inside: FLOAT[...]) -> tuple[INT64[1], INT64[1]]:
    size = op.Shape(inside)
    positions = op.Range(0, op.Squeeze(size), 1)
    begin = op.ReduceMin(op.Where(inside, positions, size), keepdims=1)
    end = op.ReduceMax(op.Where(inside, positions + 1, 0), keepdims=1)
    return op.Min(begin, size - 1), op.Max(end - begin, [1])


@script()
def off_grid(start: INT64[1], factor: INT64[1], count: INT64[1]) -> FLOAT[...]:
    edges = op.Range(1, op.Squeeze(count) + 1, 1) - start
    return op.Cast(op.Mod(edges, factor) > 0, to=AS_FLOAT)


@script()
def is_exact(ink: FLOAT[...]) -> FLOAT[...]:
    profile = op.ReduceMax(ink, [1], keepdims=0)
    outline = op.ReduceMax(ink, [0], keepdims=0)
    top, rows = extent(profile > 0.0)
    left, columns = extent(outline > 0.0)
    longest = op.Max(rows, columns)
    factor = op.Max(longest / BOX, [1])
    end = op.Shape(ink)
    rows_after = op.Slice(ink, [1], op.Gather(end, [0]), [0])
    columns_after = op.Slice(ink, [1], op.Gather(end, [1]), [1])
    rows_before = op.Slice(ink, [0], op.Gather(end, [0]) - 1, [0])
    columns_before = op.Slice(ink, [0], op.Gather(end, [1]) - 1, [1])
    down = op.ReduceMax(op.Abs(rows_after - rows_before), [1], keepdims=0)
    across = op.ReduceMax(op.Abs(columns_after - columns_before), [0], keepdims=0)
    broken_rows = op.ReduceSum(down * off_grid(top, factor, op.Shape(down)), keepdims=1)
    broken_columns = op.ReduceSum(across * off_grid(left, factor, op.Shape(across)), keepdims=1)
    broken = broken_rows + broken_columns
    return op.Squeeze(op.And(longest == factor * BOX, broken == 0.0))


@script()
def without_noise(ink: FLOAT[...], noise: FLOAT[...]) -> tuple[FLOAT[...], FLOAT[...]]:
    strongest = op.ReduceMax(ink, keepdims=0)
    clean = op.And(noise == 0.0, is_exact(ink))
    cut = op.Where(clean, 0.0, op.Max(noise * NOISE_WIDTHS, strongest * RINGING))
    level = op.Where(clean, 0.0, op.Max(cut, strongest * BOX_CONTRAST))
    return op.Where(ink > cut, ink, 0.0), level


@script()
def without_specks(ink: FLOAT[...], level: FLOAT[...]) -> FLOAT[...]:
    picture = op.Unsqueeze(ink, [0, 1])
    mean = op.AveragePool(picture, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    around = op.Squeeze(mean, [0, 1])
    kept = op.Where(around > op.ReduceMax(ink, keepdims=0) * SPECK_CONTRAST, ink, 0.0)
    some = op.ReduceMax(kept, keepdims=0) > level
    return op.Where(op.And(level > 0.0, some), kept, ink)


@script()
def outputs(length: INT64[1], longest: INT64[1]) -> INT64[1]:
    return op.Max((length * (2 * BOX) + longest) / (longest * 2), [1])


@script()
def overlaps(start: INT64[1], length: INT64[1], count: INT64[1], size: INT64[1]) -> FLOAT[...]:
    each = op.Cast(length, to=AS_FLOAT) / op.Cast(count, to=AS_FLOAT)
    which = op.Range(0, BOX, 1)
    begin = op.Unsqueeze(op.Cast(start, to=AS_FLOAT) + op.Cast(which, to=AS_FLOAT) * each, [1])
    pixel = op.Cast(op.Range(0, op.Squeeze(size), 1), to=AS_FLOAT)
    covered = op.Relu(op.Min(pixel + 1.0, begin + each) - op.Max(pixel, begin)) / each
    return op.Where(op.Unsqueeze(which < count, [1]), covered, 0.0)


@script()
def contrasted(averaged: FLOAT[...]) -> FLOAT[...]:
    strongest = op.ReduceMax(averaged, keepdims=0)
    factor = op.Where(strongest < FULL_CONTRAST, 255.0 / op.Where(strongest > 0.0, strongest, 1.0), 1.0)
    return op.Where(averaged > 0.0, op.Max(op.Floor(averaged * factor + HALF_UP), 1.0), 0.0)


@script()
def paste(mass: FLOAT[...], count: INT64[1]) -> FLOAT[...]:
    which = op.Range(0, BOX, 1)
    weight = op.Cast(mass, to=AS_INT)
    total = op.Max(op.ReduceSum(weight, keepdims=1), [1])
    moment = op.ReduceSum(weight * which, keepdims=1)
    # 16 more, and 16 less again: operators differ in how they divide what is below zero.
    nearest = (total * (SIDE + 1 + 32) - moment * 2) / (total * 2) - 16
    start = op.Min(op.Max(nearest, [0]), SIDE - count)
    target = op.Unsqueeze(op.Range(0, SIDE, 1) - start, [1])
    return op.Cast(target == which, to=AS_FLOAT)


@script()
def normalize(
    image: UINT8["height", "width", "channels"],
) -> tuple[UINT8[1, SIDE, SIDE], INT64[4], BOOL[1]]:
    few, step = thinned(image)
    light, dropped = unframed(grey(few))
    ink, noise, bright = ink_on_dark(light)
    left, level = without_noise(ink, noise)
    boxed = without_specks(left, level)
    top, rows = extent(op.ReduceMax(boxed, [1], keepdims=0) > level)
    start, columns = extent(op.ReduceMax(boxed, [0], keepdims=0) > level)
    longest = op.Max(rows, columns)
    height = outputs(rows, longest)
    width = outputs(columns, longest)
    down = overlaps(top, rows, height, op.Shape(left, start=0, end=1))
    across = overlaps(start, columns, width, op.Shape(left, start=1, end=2))
    digit = contrasted(op.MatMul(op.MatMul(down, left), op.Transpose(across)))
    pasted = op.MatMul(
        op.MatMul(paste(op.ReduceSum(digit, [1], keepdims=0), height), digit),
        op.Transpose(paste(op.ReduceSum(digit, [0], keepdims=0), width)),
    )
    some = op.ReduceMax(left, keepdims=0) >= LEAST_CONTRAST
    seen = op.Where(some, pasted, 0.0)
    pixels = op.Unsqueeze(op.Cast(seen, to=AS_BYTE), [0])
    begin = (op.Concat(top, start, axis=0) + dropped) * step
    beyond = (op.Concat(top + rows, start + columns, axis=0) + dropped) * step
    end = op.Min(beyond, op.Shape(image, start=0, end=2))
    box = op.Where(some, op.Concat(begin, end, axis=0), 0)
    inverted = op.Unsqueeze(bright, [0])
    return pixels, box, inverted


def normalizer_model() -> onnx.ModelProto:
    """`image` uint8 [height, width, 1 | 3 | 4] → `pixels` uint8 [1, 28, 28], `box` int64 [4] and
    `inverted` bool [1], as one graph.
    """
    model = inliner.inline_local_functions(normalize.to_model_proto())
    return onnxscript.optimizer.optimize(model)
