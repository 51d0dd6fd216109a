"""The tutorial's GAN of two perceptrons, at several stages of its training."""

import numpy as np
from numpy.typing import NDArray

from train.config import GeneratorsConfig, TutorialConfig, from_preset
from train.data.mnist import Digits
from train.generators.base import Family, Generator, Sampler
from train.run import Run
from train.tutorial.gan import TutorialPair, load_pair, train_on

STAGES = {"early": -4, "middle": -3, "late": -2}
"""Name → index of the kept snapshot, from the end. Snapshots before `early` generate mostly noise."""


class MlpGan(Family):
    """`train.tutorial.gan` under the same preset; its run can be exported like any run of the tutorial."""

    kind = "adversarial"

    def __init__(self, config: GeneratorsConfig) -> None:
        given = {"preset": config.preset, "dataset": config.dataset, "seed": config.seed}
        machine = {"device": config.device, "threads": config.threads}
        self.config = from_preset(TutorialConfig, {**given, **machine})
        self.stages: dict[str, tuple[TutorialPair, float]] = {}

    def fit(self, digits: Digits, run: Run) -> float:
        if not run.exists():
            run.save_config(self.config)
        seconds = train_on(digits, self.config, run)
        steps = run.steps()
        for name, index in {**STAGES, "": -1}.items():
            step = steps[max(0, len(steps) + index)]
            self.stages[name] = load_pair(run, step)[0], run.load(step)[1]["seconds"]
        return seconds

    def sample(
        self,
        count: int,
        seed: int,
        digits: NDArray[np.int64] | None = None,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        return self.stages[""][0].sample(count, seed)

    def generators(self, name: str, seconds: float) -> list[Generator]:  # noqa: ARG002
        def sampler(pair: TutorialPair) -> Sampler:
            return lambda count, seed, digits: pair.sample(count, seed)  # noqa: ARG005

        return [
            Generator(f"{name}_{label}".rstrip("_"), self.kind, False, spent, sampler(pair))
            for label, (pair, spent) in self.stages.items()
        ]
