"""The parity gate: onnxruntime against PyTorch, on pictures and noise, at several batch sizes.

Names, dtypes and shapes are compared first, then values. A file that fails is not published.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import (
    BOX,
    BOXES,
    DIGIT_PROBABILITIES,
    FAKE_PROBABILITY,
    IN_DOMAIN,
    INVERTED,
    LOGIT,
    REASON,
)
from demo.inference.answer import Thresholds
from export.errors import ParityError
from train.checkpoint import write_json

PARITY_REPORT: Final = "parity.json"
BATCHES: Final = (1, 7, 64, 4096)
LOGIT_ABSOLUTE: Final = 1e-4
LOGIT_RELATIVE: Final = 1e-6
PROBABILITY_ABSOLUTE: Final = 1e-4
PROBABILITIES: Final = (FAKE_PROBABILITY, DIGIT_PROBABILITIES, IN_DOMAIN)
EXACT: Final = (BOX, BOXES, INVERTED, REASON)
PIXEL_LEVELS: Final = 1
PIXEL_SHARE: Final = 1e-4


@dataclass(frozen=True)
class Difference:
    """How far one output is from PyTorch's on one group of inputs, over all batch sizes.

    maximum, percentile_99_9: of the absolute difference, in the output's unit.
    differing: share of values that are not identical.
    flips: verdicts that differ although the logit is farther from the threshold than the tolerance.
    allowed: whether everything is within the tolerance.
    """

    inputs: str
    output: str
    values: int
    maximum: float
    percentile_99_9: float
    differing: float
    flips: int
    allowed: bool


def check_parity(
    name: str,
    module: nn.Module,
    session: Any,
    input_names: Sequence[str],
    output_names: Sequence[str],
    groups: Mapping[str, Mapping[str, NDArray[Any]]],
    thresholds: Thresholds | None,
) -> list[Difference]:
    """Compare every output on every group of inputs at every batch size.

    input_names, output_names: the contract's names, in the module's order.
    groups: name → an array per input, all of one length of at least 1; repeated to fill a batch.
    thresholds: of a discriminator, to count verdict flips.

    Raises:
        ParityError: a name, dtype, shape or value differs; the message names the worst.
    """
    inputs, outputs = list(input_names), list(output_names)
    names = [[each.name for each in part] for part in (session.get_inputs(), session.get_outputs())]
    if names != [inputs, outputs]:
        raise ParityError(
            name, f"has the inputs and outputs {names}; the contract is {[inputs, outputs]}.", []
        )
    report: list[Difference] = []
    for group, values in groups.items():
        found: dict[str, list[NDArray[Any]]] = {output: [] for output in outputs}
        expected: dict[str, list[NDArray[Any]]] = {output: [] for output in outputs}
        for batch in BATCHES:
            part = {each: np.resize(values[each], (batch, *values[each].shape[1:])) for each in inputs}
            results = session.run(outputs, part)
            references = run_torch(module, part)
            for output, result, reference in zip(outputs, results, references, strict=True):
                if result.dtype != reference.dtype or result.shape != reference.shape:
                    raise ParityError(
                        name,
                        f"gives {output} as {result.dtype} {result.shape}, PyTorch as {reference.dtype} "
                        f"{reference.shape} (batch {batch}, {group}).",
                        report,
                    )
                found[output].append(result)
                expected[output].append(reference)
        for each in outputs:
            merged = np.concatenate(found[each]), np.concatenate(expected[each])
            report.append(compare(group, each, *merged, thresholds))
    refuse(name, report)
    return report


def refuse(name: str, report: Sequence[Difference]) -> None:
    """Raise ParityError, which names the worst comparison, if any failed."""
    refused = [row for row in report if not row.allowed]
    if refused:
        worst = max(refused, key=lambda row: row.maximum)
        raise ParityError(
            name,
            f"does not give the reference's numbers: {worst.output} on {worst.inputs} differs by up to "
            f"{worst.maximum:.3g} with {worst.flips} verdict flips; {len(refused)} of {len(report)} "
            "comparisons fail. Nothing is published.",
            report,
        )


def run_torch(module: nn.Module, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a module's outputs as numpy arrays. inputs: in the order of the module's arguments."""
    with torch.no_grad():
        outputs = module(*map(torch.from_numpy, inputs.values()))
    return [output.numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


def compare(
    group: str,
    output: str,
    found: NDArray[Any],
    expected: NDArray[Any],
    thresholds: Thresholds | None,
    pixel_share: float = PIXEL_SHARE,
) -> Difference:
    """Compare one output with the reference's and apply its tolerance; NaN is never allowed.

    pixel_share: for an output of pixels, the share that may be one level off.
    """
    if found.shape != expected.shape:
        infinite = float("inf")
        return Difference(group, output, found.size, infinite, infinite, 1.0, 0, allowed=False)
    if not found.size:
        return Difference(group, output, 0, 0.0, 0.0, 0.0, 0, allowed=True)
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    flips = 0
    if output == LOGIT:
        band = LOGIT_ABSOLUTE + LOGIT_RELATIVE * np.abs(expected.astype(np.float64))
        flips = verdict_flips(found, expected, band, thresholds) if thresholds else 0
        allowed = bool(np.all(difference <= band)) and flips == 0
    elif output in PROBABILITIES:
        allowed = bool(np.all(difference <= PROBABILITY_ABSOLUTE))
    elif output in EXACT:
        allowed = not difference.any()
    else:
        allowed = bool(difference.max() <= PIXEL_LEVELS and np.mean(difference > 0) <= pixel_share)
    return Difference(
        inputs=group,
        output=output,
        values=difference.size,
        maximum=float(difference.max()),
        percentile_99_9=float(np.percentile(difference, 99.9)),
        differing=float(np.mean(difference != 0)),
        flips=flips,
        allowed=allowed,
    )


def verdict_flips(
    found: NDArray[Any], expected: NDArray[Any], band: NDArray[np.float64], thresholds: Thresholds
) -> int:
    """Count verdicts that differ although PyTorch's logit is farther from the threshold than the band."""
    flips = np.zeros(found.shape, bool)
    for threshold in {thresholds.fake, thresholds.real}:
        edge = np.log(threshold / (1 - threshold))
        flips |= ((found >= edge) != (expected >= edge)) & (np.abs(expected - edge) > band)
    return int(flips.sum())


def summary(report: Sequence[Difference]) -> dict[str, Any]:
    """Return the worst of a report, per output, for the manifest."""
    return {
        output: {
            "maximum": max(row.maximum for row in report if row.output == output),
            "percentile_99_9": max(row.percentile_99_9 for row in report if row.output == output),
            "differing": max(row.differing for row in report if row.output == output),
            "flips": sum(row.flips for row in report if row.output == output),
            "values": sum(row.values for row in report if row.output == output),
        }
        for output in dict.fromkeys(row.output for row in report)
    }


def save_report(run: Path, reports: Mapping[str, Sequence[Difference]]) -> None:
    """Write the reports (file name → comparisons) as `parity.json` into a run's folder.

    Raises:
        RunError: the folder cannot be written.
    """
    content = {file: [dataclasses.asdict(row) for row in report] for file, report in reports.items()}
    write_json(run / PARITY_REPORT, content)
