"""The published models on a device, each tested with its golden numbers before it serves."""

import copy
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo import contract
from demo.errors import DeviceError, ModelError, RequestError
from demo.inference.answer import Thresholds
from demo.inference.manifest import MODELS_FOLDER as MODELS_FOLDER
from demo.inference.manifest import Manifest, check_golden
from demo.inference.preprocess import Preprocessed
from demo.inference.sessions import CPU, choose_providers, open_session

LARGEST_BATCH = 1024
# For a model without in_domain, where 0 means no ink and 1 means ink.
INK_THRESHOLD = 0.5
LARGEST_COUNT = 256
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Scores:
    """A discriminator's outputs, each float32 [batch] except the last.

    in_domain: for a model without that output, 1 for a picture with ink, else 0.
    digit_probabilities: float32 [batch, 10], rows sum to 1; None for a model without that output.
    """

    fake_probability: NDArray[np.float32]
    logit: NDArray[np.float32]
    in_domain: NDArray[np.float32]
    digit_probabilities: NDArray[np.float32] | None


@dataclass(frozen=True)
class Latents:
    """A generator's inputs.

    noise: float32 [n, latent], standard normal.
    digits: int64 [n], 0 to 9, the digits to make; None for a generator that cannot choose.
    """

    noise: NDArray[np.float32]
    digits: NDArray[np.int64] | None


class Engine:
    """Scores and generates digits with the published models of a folder.

    Sessions are opened at first use and kept. Safe to share between threads.
    """

    def __init__(self, manifest: Manifest, device: str, model: str, threads: int = 0) -> None:
        self.manifest = manifest
        self.threads = threads
        self.device = device
        self.providers, obstacle = choose_providers(device)
        # Keyed by what fell back: each is reported once, with its latest reason.
        self._fallbacks: dict[str, str] = {"CUDA": obstacle} if obstacle else {}
        self.model = model
        self.version = manifest.version
        self.generators = manifest.names("generator")
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.shape: tuple[int, int] = tuple(self.session(model).get_inputs()[0].shape[1:])
        # Read from the verified file, not from the manifest beside it.
        self.thresholds = thresholds_of(f"{model}.onnx", self.session(model))

    @classmethod
    def load(
        cls, models: Path = MODELS_FOLDER, device: str = "auto", model: str | None = None, threads: int = 0
    ) -> "Engine":
        """Open a discriminator of a models folder on a device.

        model: `discriminator` by default if it is published, else the tutorial's. threads: the most that a
        run uses on the CPU; 0 for all cores that this process may use.

        Raises:
            DeviceError: `cuda` was asked for and cannot run here.
            ModelError: the model is missing, altered, or gives other numbers than when it was published.
        """
        manifest = Manifest.load(models)
        known = manifest.names("discriminator")
        if model is not None and model not in known:
            raise ModelError(
                f"There is no discriminator {model!r} in {models}; choose one of: {', '.join(known)}."
            )
        default = contract.DISCRIMINATOR if contract.DISCRIMINATOR in known else contract.MLP_DISCRIMINATOR
        engine = cls(manifest, device, model or default, threads)
        if model is None and default != contract.DISCRIMINATOR:
            engine._fall_back(
                "model", f"{contract.DISCRIMINATOR} is not published here; {default} scores instead."
            )
        return engine

    def scoring_with(self, model: str) -> "Engine":
        """Return an engine with the same sessions that scores with another discriminator.

        Raises:
            RequestError: there is no such discriminator.
            ModelError: as `session` does.
        """
        if model == self.model:
            return self
        known = self.manifest.names("discriminator")
        if model not in known:
            raise RequestError(f"There is no discriminator {model!r}; choose one of: {', '.join(known)}.")
        other = copy.copy(self)
        other.model = model
        other.thresholds = thresholds_of(f"{model}.onnx", self.session(model))
        return other

    @property
    def provider(self) -> str:
        """The onnxruntime provider that runs the discriminator."""
        return str(self.session(self.model).get_providers()[0])

    @property
    def device_note(self) -> str:
        """Model, provider and fallbacks, a sentence each."""
        return " ".join([f"{self.model} {self.version} runs on {self.provider}.", *self.fallbacks])

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """A sentence for each fallback: CUDA that cannot be used, or a missing detector."""
        return tuple(self._fallbacks.values())

    def _fall_back(self, what: str, sentence: str) -> None:
        self._fallbacks = {**self._fallbacks, what: sentence}
        logging.getLogger("touchstone").warning("%s", sentence)

    @property
    def models(self) -> tuple[str, ...]:
        """The published models that the app runs; of a discriminator's variants only the chosen one."""
        kinds = ("normalizer", "discriminator", "generator", "history")
        names = [name for kind in kinds for name in self.manifest.names(kind)]
        return tuple(name for name in names if name == self.model or "variant_of" not in self.entry(name))

    def open_all(self) -> None:
        """Open and test every published model now instead of at its first use; raise as `session` does."""
        for name in (contract.NORMALIZER, *self.models):
            self.session(name)

    def entry(self, name: str) -> Any:
        """Return a model's entry in the manifest; raise ModelError if it is not published."""
        try:
            return self.manifest.files[f"{name}.onnx"]
        except KeyError as error:
            raise ModelError(f"{name}.onnx is not among the published models.") from error

    def session(self, name: str) -> Any:
        """Return the session of a model, which is opened and tested at first use.

        Raises:
            ModelError: the file is missing, altered, or gives other numbers than when it was published.
        """
        with self._lock:
            if name not in self._sessions:
                file = f"{name}.onnx"
                content = self.manifest.read(file)
                if name == contract.NORMALIZER:
                    # Its steps are too small to share out, and several pictures pass it at once.
                    session = open_session(file, content, self.providers, threads=1, arena=False)
                else:
                    session = open_session(file, content, self.providers, self.threads)
                provider = session.get_providers()[0]
                if provider == CPU and self.providers != [CPU]:
                    obstacle = "onnxruntime could not start it on this machine's GPU"
                    if self.device == "cuda":
                        raise DeviceError(
                            f"CUDA was asked for, but {obstacle}. Use --device cpu, or --device auto."
                        )
                    self._fall_back("CUDA", f"CUDA is not used: {obstacle}.")
                check_golden(file, session, self.entry(name)["golden"], provider)
                self._sessions[name] = session
            return self._sessions[name]

    def run(
        self, name: str, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """Run a model, which is opened and tested at first use."""
        return list(self.session(name).run(outputs, inputs))

    def normalize(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return any picture, uint8 [height, width, 1 | 3 | 4], as the model's input, uint8 [28, 28]."""
        return self.preprocess(image).pixels

    def preprocess(self, image: NDArray[np.uint8], note: str | None = None) -> Preprocessed:
        """Normalize any picture, uint8 [height, width, 1 | 3 | 4], and describe the changes."""
        outputs = [contract.PIXELS, contract.BOX, contract.INVERTED, contract.REASON, contract.BOXES]
        pixels, box, inverted, reason, boxes = self.run(contract.NORMALIZER, outputs, {contract.IMAGE: image})
        height, width = image.shape[:2]
        return Preprocessed(
            pixels[0],
            height,
            width,
            tuple(box.tolist()),
            inverted=bool(inverted[0]),
            reason=contract.REASONS[int(reason[0])],
            boxes=tuple(map(tuple, boxes.tolist())),
            note=note,
        )

    def score(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score uint8 [n, height, width], bright ink on dark."""
        names = [each.name for each in self.session(self.model).get_outputs()]
        found = dict(zip(names, self._run_batches(self.model, names, pixels), strict=True))
        ink = np.any(pixels, axis=(1, 2)).astype(np.float32)
        return Scores(
            found[contract.FAKE_PROBABILITY],
            found[contract.LOGIT],
            found.get(contract.IN_DOMAIN, ink),
            found.get(contract.DIGIT_PROBABILITIES),
        )

    def history(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake | x) of uint8 [n, height, width] by each snapshot of the tutorial pair: float32
        [n, snapshots], for any scoring model.
        """
        return self._run_batches(contract.MLP_HISTORY, [contract.FAKE_PROBABILITY], pixels)[0]

    def _run_batches(self, name: str, outputs: list[str], pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Run a model on at most `LARGEST_BATCH` pictures at a time, so that memory stays bounded."""
        if len(pixels) <= LARGEST_BATCH:
            return self.run(name, outputs, {contract.PIXELS: pixels})
        parts = np.split(pixels, range(LARGEST_BATCH, len(pixels), LARGEST_BATCH))
        found = [self.run(name, outputs, {contract.PIXELS: part}) for part in parts]
        return [np.concatenate(each) for each in zip(*found, strict=True)]

    @property
    def default_generator(self) -> str:
        """`generator` if it is published, else the first one; RequestError if there is none."""
        if not self.generators:
            raise RequestError("No generator is installed here.")
        return contract.GENERATOR if contract.GENERATOR in self.generators else self.generators[0]

    def chooses_digit(self, model: str) -> bool:
        """Return whether a generator takes the digit to make; raise RequestError if it is unknown."""
        return contract.DIGIT in self._generator_inputs(model)

    def _generator_inputs(self, model: str) -> dict[str, Any]:
        """Return the shapes of a generator's inputs by name; raise RequestError for an unknown generator."""
        if model not in self.generators:
            raise RequestError(
                f"There is no generator {model!r}; choose one of: {', '.join(self.generators)}."
            )
        return {each.name: each.shape for each in self.session(model).get_inputs()}

    def generate(self, model: str, count: int, seed: int, digit: int | None = None) -> NDArray[np.uint8]:
        """Generate digits, uint8 [count, height, width]. The same arguments give the same digits.

        digit: the one to make, 0 to 9; None draws each from the seed. For `mlp_generator`, which cannot
        choose, it must be None.

        Raises:
            RequestError: an argument is outside its range, or the generator cannot choose the digit.
        """
        return self.make(model, self.draw(model, count, seed, digit))

    def draw(self, model: str, count: int, seed: int, digit: int | None = None) -> Latents:
        """Draw the inputs of `generate`.

        For one seed the noise does not depend on the digit, nor its first rows on the count. Drawn digits
        do depend on the count.

        Raises:
            RequestError: as `generate` does.
        """
        shapes = self._generator_inputs(model)
        if not 1 <= count <= LARGEST_COUNT:
            raise RequestError(f"The count is {count}; give 1 to {LARGEST_COUNT}.")
        if not 0 <= seed <= LARGEST_SEED:
            raise RequestError(f"The seed is {seed}; give 0 to {LARGEST_SEED}.")
        if digit is not None and contract.DIGIT not in shapes:
            raise RequestError(f"{model} cannot choose the digit; leave the digit out.")
        if digit is not None and not 0 <= digit < contract.DIGITS:
            raise RequestError(f"The digit is {digit}; give 0 to {contract.DIGITS - 1}.")
        random = np.random.default_rng(seed)
        noise = random.standard_normal((count, shapes[contract.NOISE][1]), np.float32)
        if contract.DIGIT not in shapes:
            return Latents(noise, None)
        drawn = random.integers(0, contract.DIGITS, count, np.int64)
        return Latents(noise, drawn if digit is None else np.full(count, digit, np.int64))

    def make(self, model: str, latents: Latents) -> NDArray[np.uint8]:
        """Return the digits that a generator makes from n latents: uint8 [n, height, width]."""
        inputs: dict[str, NDArray[Any]] = {contract.NOISE: latents.noise}
        if latents.digits is not None:
            inputs[contract.DIGIT] = latents.digits
        return self.run(model, [contract.PIXELS], inputs)[0]


def thresholds_of(file: str, session: Any) -> Thresholds:
    """Return a discriminator's thresholds from the file itself; raise ModelError if it has none."""
    metadata = session.get_modelmeta().custom_metadata_map
    try:
        fake, real, in_domain = (json.loads(metadata[key]) for key in contract.THRESHOLDS)
        return Thresholds(float(fake), float(real), INK_THRESHOLD if in_domain is None else float(in_domain))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The thresholds in {file} are missing or damaged; publish the models again."
        ) from error
