"""The tutorial's GAN of two perceptrons, at several stages of its training."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from train.checkpoint import prefixed, unprefixed
from train.config import GeneratorsConfig, TutorialConfig, from_preset
from train.data.mnist import Digits
from train.generators.base import Family, Generator, Sampler
from train.run import Run
from train.tutorial.gan import TutorialPair, train_on

FINAL = "final"
STAGES = {"early": -4, "middle": -3, "late": -2, FINAL: -1}
"""Name → index of the kept snapshot, from the end. Snapshots before `early` generate mostly noise."""
SECONDS = "seconds"


class MlpGan(Family):
    """`train.tutorial.gan` under the same preset; its run can be exported like any run of the tutorial."""

    kind = "adversarial"
    # 3 MB each.
    untrimmed = ("early", "middle", "late")

    def __init__(self, config: GeneratorsConfig) -> None:
        given = {"preset": config.preset, "dataset": config.dataset, "seed": config.seed}
        machine = {"device": config.device, "threads": config.threads}
        self.config = from_preset(TutorialConfig, {**given, **machine})
        self.stages: dict[str, tuple[TutorialPair, float]] = {}

    def fit(self, digits: Digits, run: Run) -> float:
        if not run.exists():
            run.save_config(self.config)
        seconds = train_on(digits, self.config, run)
        self.load(self.sampling_tensors(run), digits)
        return seconds

    def sampling_tensors(self, run: Run) -> dict[str, torch.Tensor]:
        run.last()
        steps = run.steps()
        tensors: dict[str, torch.Tensor] = {}
        for label, index in STAGES.items():
            weights, header = run.load(steps[max(0, len(steps) + index)])
            tensors |= prefixed(f"{label}.generator", unprefixed("generator", weights))
            tensors[f"{label}.{SECONDS}"] = torch.tensor(header["seconds"])
        return tensors

    def load(self, tensors: Mapping[str, torch.Tensor], digits: Digits) -> None:
        height, width = digits.images.shape[1:]
        for label in STAGES:
            if stage := unprefixed(label, tensors):
                pair = TutorialPair(self.config, (height, width), torch.device("cpu"))
                pair.generator.load_state_dict(unprefixed("generator", stage))
                self.stages[label] = pair, stage[SECONDS].item()

    def sample(
        self,
        count: int,
        seed: int,
        digits: NDArray[np.int64] | None = None,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        return self.stages[FINAL][0].sample(count, seed)

    def generators(self, name: str, seconds: float) -> list[Generator]:  # noqa: ARG002
        def sampler(pair: TutorialPair) -> Sampler:
            return lambda count, seed, digits: pair.sample(count, seed)  # noqa: ARG005

        return [
            Generator(name if label == FINAL else f"{name}_{label}", self.kind, False, spent, sampler(pair))
            for label, (pair, spent) in self.stages.items()
        ]
