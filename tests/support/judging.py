"""A digit classifier trained for a few steps."""

import functools

import torch

from train.data.mnist import hold_out, load
from train.generators.classifier import Judge, JudgeLearner

STEPS = 40
BATCH = 32


@functools.cache
def taught_judge(dataset: str) -> Judge:
    """A judge after 40 small batches of a data set, taught once."""
    digits, _ = hold_out(load(dataset, "train"))
    learner = JudgeLearner(STEPS, 0, torch.device("cpu"))
    stream = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        chosen = torch.randint(len(digits.images), (BATCH,), generator=stream)
        learner.step(digits.images[chosen], digits.labels[chosen])
    return learner.judge
