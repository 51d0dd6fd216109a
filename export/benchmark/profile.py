"""Where the processor time of something goes, by PyTorch's own profiler."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from torch.profiler import ProfilerActivity, profile

KINDS: Final = {
    "convolutions": ("conv",),
    "products of matrices": ("aten::mm", "aten::addmm", "aten::bmm"),
    "normalisation": ("batch_norm",),
    "the optimiser": ("adam", "Adam"),
    "copies, most to another precision": ("aten::copy_",),
}
"""Kind of work → what the names of its operations hold."""
REST: Final = "all else"


def where_it_goes(what: str, step: Callable[[], object], steps: int) -> str:
    """The shares of each kind of work in a step's own time on the CPU, as a sentence.

    step: is called `steps` times and once before, which is not counted.
    """
    step()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(steps):
            step()
    spent: Counter[str] = Counter()
    for operation in seen.key_averages():
        spent[kind_of(operation.key)] += operation.self_cpu_time_total
    shares = ", ".join(f"{name} {time / spent.total():.0%}" for name, time in spent.most_common())
    return f"Where the time of {what} goes, by torch.profiler: {shares}."


def kind_of(operation: str) -> str:
    """The kind of work that an operation is, by its name."""
    return next((kind for kind, parts in KINDS.items() if any(part in operation for part in parts)), REST)
