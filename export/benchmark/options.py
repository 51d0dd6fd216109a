"""What a benchmark is told."""

from dataclasses import dataclass
from pathlib import Path

from demo.inference.engine import MODELS_FOLDER


@dataclass(frozen=True)
class Options:
    """rounds: how often every contestant is run and counted. models: folder of published models.

    quick: with little work a round, to see that all of it runs; such figures mean little.
    """

    rounds: int = 15
    models: Path = MODELS_FOLDER
    quick: bool = False
