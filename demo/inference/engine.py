"""The engine: published models on a device, tested against their golden numbers before they serve."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.bound import BoundModel, bind
from demo.contract import (
    BOX,
    DIGIT,
    DIGIT_PROBABILITIES,
    DIGITS,
    DISCRIMINATOR,
    FAKE_PROBABILITY,
    GENERATOR,
    IMAGE,
    IN_DOMAIN,
    INVERTED,
    LOGIT,
    MLP_DISCRIMINATOR,
    MLP_HISTORY,
    NOISE,
    NORMALIZER,
    PIXELS,
    THRESHOLDS,
)
from demo.decoder.room import LARGE
from demo.errors import DemoError, DeviceError, ModelError, RequestError
from demo.inference import golden
from demo.inference.answer import Thresholds
from demo.inference.manifest import MODELS_FOLDER as MODELS_FOLDER
from demo.inference.manifest import Manifest
from demo.inference.preprocess import Preprocessed
from demo.inference.sessions import CPU, CUDA, choose_providers, giving_back, open_session

LARGEST_BATCH = 1024
# Between no ink and some, for a model that cannot tell digits from other ink.
INK_THRESHOLD = 0.5
LARGEST_COUNT = 256
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Scores:
    """A discriminator's outputs, float32 [batch] each but the last.

    in_domain: of a model without that output, 1 where there is ink, else 0.
    digit_probabilities: float32 [batch, 10], rows sum to 1; None of a model without that output.
    """

    fake_probability: NDArray[np.float32]
    logit: NDArray[np.float32]
    in_domain: NDArray[np.float32]
    digit_probabilities: NDArray[np.float32] | None


@dataclass(frozen=True)
class History:
    """A picture's scores while the tutorial pair learned. fake_probability: float32 [batch, snapshots]."""

    steps: tuple[int, ...]
    fake_probability: NDArray[np.float32]


@dataclass(frozen=True)
class Latents:
    """What a generator makes digits of.

    noise: float32 [n, latent], standard normal.
    digits: int64 [n], 0 to 9, the digits to make; None of a generator that cannot choose.
    """

    noise: NDArray[np.float32]
    digits: NDArray[np.int64] | None


class Engine:
    """Scores and makes digits with the published models of a folder.

    Sessions are opened at first use and kept; each is tested before it serves. Safe to share
    between threads.
    """

    def __init__(self, manifest: Manifest, device: str, model: str, threads: int = 0) -> None:
        self.manifest = manifest
        self.threads = threads
        self.device = device
        self.providers, obstacle = choose_providers(device)
        # Keyed by what fell back, so that each is said once and the latest reason counts.
        self._fallbacks: dict[str, str] = {"CUDA": obstacle} if obstacle else {}
        self.model = model
        self.version = manifest.version
        self.generators = manifest.names("generator")
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.shape: tuple[int, int] = tuple(self.session(model).get_inputs()[0].shape[1:])
        # From the file whose checksum was compared, not from the manifest beside it.
        self.thresholds = thresholds_of(f"{model}.onnx", self.session(model))
        self._bound: BoundModel | None = None
        # Before others share the engine: what they run would disturb the capture of graphs.
        if self.provider == CUDA:
            self.bind()

    @classmethod
    def load(
        cls, models: Path = MODELS_FOLDER, device: str = "auto", model: str | None = None, threads: int = 0
    ) -> "Engine":
        """Open a discriminator of a models folder on a device.

        Unless named it is `discriminator` where that is published, else the tutorial's. threads: that a
        session's run uses on the CPU at most; 0 for as many as there are cores.

        Raises:
            DeviceError: `cuda` was asked for and cannot run here.
            ModelError: the model is missing, altered, or gives other numbers than when published.
        """
        manifest = Manifest.load(models)
        known = manifest.names("discriminator")
        if model is not None and model not in known:
            raise ModelError(
                f"There is no discriminator {model!r} in {models}; there is: {', '.join(known)}."
            )
        default = DISCRIMINATOR if DISCRIMINATOR in known else MLP_DISCRIMINATOR
        engine = cls(manifest, device, model or default, threads)
        if model is None and default != DISCRIMINATOR:
            engine._fall_back("model", f"{DISCRIMINATOR} is not published here; {default} scores instead.")
        return engine

    @property
    def provider(self) -> str:
        """The onnxruntime provider that really runs the discriminator."""
        return str(self.session(self.model).get_providers()[0])

    @property
    def device_note(self) -> str:
        """What runs, and each fallback, a sentence each."""
        return " ".join([f"{self.model} {self.version} runs on {self.provider}.", *self.fallbacks])

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """What runs otherwise than it could have, and why, a sentence each: no CUDA, graphs, or product."""
        return tuple(self._fallbacks.values())

    def _fall_back(self, what: str, sentence: str) -> None:
        self._fallbacks = {**self._fallbacks, what: sentence}
        logging.getLogger("touchstone").warning("%s", sentence)

    @property
    def models(self) -> tuple[str, ...]:
        """Every published model that the app runs: of a discriminator's variants the one that was chosen."""
        kinds = ("normalizer", "discriminator", "generator", "history")
        names = [name for kind in kinds for name in self.manifest.names(kind)]
        return tuple(name for name in names if name == self.model or "variant_of" not in self.entry(name))

    def open_all(self) -> None:
        """Open and test every published model now, rather than at its first use.

        Raises:
            ModelError: one is missing, altered, or gives other numbers than when published.
        """
        for name in {NORMALIZER: None, **dict.fromkeys(self.models)}:
            self.session(name)

    def entry(self, name: str) -> Any:
        """What the manifest says of a model; raises ModelError for one that is not published."""
        try:
            return self.manifest.files[f"{name}.onnx"]
        except KeyError as error:
            raise ModelError(f"{name}.onnx is not among the published models.") from error

    def session(self, name: str) -> Any:
        """The session of a model, opened and tested at first use.

        Raises:
            ModelError: the file is missing, altered, or gives other numbers than when published.
        """
        with self._lock:
            if name not in self._sessions:
                file = f"{name}.onnx"
                # Its steps are too small to be shared out, and several pictures pass it at once.
                threads = 1 if name == NORMALIZER else self.threads
                session = open_session(file, self.manifest.read(file), self.providers, threads=threads)
                self._note_fallback(session.get_providers()[0])
                check_numbers(file, session, self.entry(name)["golden"])
                self._sessions[name] = session
            return self._sessions[name]

    def bind(self) -> None:
        """Let the discriminator score through fixed buffers from now on, on CUDA as captured graphs.

        Where that cannot be it scores as before, and `device_note` says why.
        """
        file = f"{self.model}.onnx"
        try:
            self._bound = bind(
                file, self.manifest.read(file), self.entry(self.model)["golden"], self.provider
            )
        except (DeviceError, ModelError) as error:
            self._unbind(error)

    def _unbind(self, error: DemoError) -> None:
        self._bound = None
        self._fall_back("graphs", f"CUDA graphs are not used: {error}")

    def _run_discriminator(
        self, output_names: list[str], pixels: NDArray[np.uint8]
    ) -> list[NDArray[np.float32]]:
        if (bound := self._bound) is not None:
            try:
                return bound.run(output_names, {PIXELS: pixels})
            except DeviceError as error:
                self._unbind(error)
        found: list[NDArray[np.float32]] = self.session(self.model).run(output_names, {PIXELS: pixels})
        return found

    def _note_fallback(self, provider: str) -> None:
        """See to it that a session which onnxruntime moved to the CPU is an error or is said."""
        if self.providers == [CPU] or provider != CPU:
            return
        obstacle = "onnxruntime could not start it on this machine's GPU"
        if self.device == "cuda":
            raise DeviceError(f"CUDA was asked for, but {obstacle}. Use --device cpu, or --device auto.")
        self._fall_back("CUDA", f"CUDA is not used: {obstacle}.")

    def normalize(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Any picture, uint8 [height, width, 1 | 3 | 4], as the model sees it: uint8 [28, 28]."""
        return self.look(image).pixels

    def look(self, image: NDArray[np.uint8]) -> Preprocessed:
        """Any picture, uint8 [height, width, 1 | 3 | 4], as the model sees it, and what was done to it."""
        options = giving_back() if image.nbytes >= LARGE else None
        outputs = [PIXELS, BOX, INVERTED]
        pixels, box, inverted = self.session(NORMALIZER).run(outputs, {IMAGE: image}, options)
        height, width = image.shape[:2]
        top, left, bottom, right = box.tolist()
        return Preprocessed(pixels[0], height, width, (top, left, bottom, right), bool(inverted[0]))

    def score(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score uint8 [n, height, width], ink bright on dark."""
        session = self.session(self.model)
        outputs = {each.name: np.empty((0, *each.shape[1:]), np.float32) for each in session.get_outputs()}
        parts = [self._run_discriminator(list(outputs), part) for part in batches(pixels)]
        found = {
            name: np.concatenate([none, *(part[index] for part in parts)])
            for index, (name, none) in enumerate(outputs.items())
        }
        ink = np.any(pixels, axis=(1, 2)).astype(np.float32)
        return Scores(
            found[FAKE_PROBABILITY],
            found[LOGIT],
            found.get(IN_DOMAIN, ink),
            found.get(DIGIT_PROBABILITIES),
        )

    def history(self, pixels: NDArray[np.uint8]) -> History:
        """Score uint8 [n, height, width] with every snapshot of the tutorial pair, whichever model scores."""
        parts = [
            self.session(MLP_HISTORY).run([FAKE_PROBABILITY], {PIXELS: part})[0] for part in batches(pixels)
        ]
        steps = tuple(self.entry(MLP_HISTORY)["steps"])
        return History(steps, np.concatenate(parts or [np.empty((0, len(steps)), np.float32)]))

    @property
    def default_generator(self) -> str:
        """`generator` where it is published, else the first; RequestError where there is none."""
        if not self.generators:
            raise RequestError("No generator is installed here.")
        return GENERATOR if GENERATOR in self.generators else self.generators[0]

    def chooses_digit(self, model: str) -> bool:
        """Whether a generator takes the digit to make: `generator` does, `mlp_generator` does not.

        Raises:
            RequestError: there is no such generator.
        """
        return DIGIT in self._generator_inputs(model)

    def _generator_inputs(self, model: str) -> dict[str, Any]:
        """The shapes of a generator's inputs by name; RequestError where there is no such generator."""
        if model not in self.generators:
            raise RequestError(f"There is no generator {model!r}; there is: {', '.join(self.generators)}.")
        return {each.name: each.shape for each in self.session(model).get_inputs()}

    def generate(self, model: str, count: int, seed: int, digit: int | None = None) -> NDArray[np.uint8]:
        """Make digits: uint8 [count, height, width]. The same arguments give the same digits.

        model: a generator. Of `generator`, digit is the one to make, 0 to 9; None has each drawn from the
        seed. `mlp_generator` makes what the noise makes: its digit must be None.

        Raises:
            RequestError: an argument is outside its range, or the generator cannot choose the digit.
        """
        return self.make(model, self.draw(model, count, seed, digit))

    def draw(self, model: str, count: int, seed: int, digit: int | None = None) -> Latents:
        """What `generate` makes its digits of. The noise is drawn first, so that it is the same for a seed
        whichever digit is chosen, and the first rows are the same however many there are; digits left open
        do change with the count.

        Raises:
            RequestError: as `generate` does.
        """
        shapes = self._generator_inputs(model)
        if not 1 <= count <= LARGEST_COUNT:
            raise RequestError(f"The count is {count}; give 1 to {LARGEST_COUNT}.")
        if not 0 <= seed <= LARGEST_SEED:
            raise RequestError(f"The seed is {seed}; give 0 to {LARGEST_SEED}.")
        if digit is not None and DIGIT not in shapes:
            raise RequestError(f"{model} cannot choose the digit; leave the digit out.")
        if digit is not None and not 0 <= digit < DIGITS:
            raise RequestError(f"The digit is {digit}; give 0 to {DIGITS - 1}.")
        random = np.random.default_rng(seed)
        noise = random.standard_normal((count, shapes[NOISE][1]), np.float32)
        if DIGIT not in shapes:
            return Latents(noise, None)
        drawn = random.integers(0, DIGITS, count, np.int64)
        return Latents(noise, drawn if digit is None else np.full(count, digit, np.int64))

    def make(self, model: str, latents: Latents) -> NDArray[np.uint8]:
        """The digits that a generator makes of n latents: uint8 [n, height, width]."""
        inputs: dict[str, NDArray[Any]] = {NOISE: latents.noise}
        if latents.digits is not None:
            inputs[DIGIT] = latents.digits
        pixels: NDArray[np.uint8] = self.session(model).run([PIXELS], inputs)[0]
        return pixels


def check_numbers(file: str, session: Any, numbers: Any) -> None:
    """Raises ModelError where a session does not give a file's golden numbers, or does not run on them."""
    try:
        golden.check(file, session, numbers, session.get_providers()[0])
    except DemoError:
        raise
    # onnxruntime's own exceptions share no base class but Exception.
    except Exception as error:
        raise ModelError(
            f"{file} does not run on its golden inputs ({' '.join(str(error).split())}); "
            "restore it and the manifest."
        ) from error


def thresholds_of(file: str, session: Any) -> Thresholds:
    """A discriminator's thresholds, from the file itself; ModelError where it has none."""
    metadata = session.get_modelmeta().custom_metadata_map
    try:
        fake, real, in_domain = (json.loads(metadata[key]) for key in THRESHOLDS)
        return Thresholds(float(fake), float(real), INK_THRESHOLD if in_domain is None else float(in_domain))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{file} carries no thresholds that can be read; publish the models again."
        ) from error


def batches(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Parts of at most `LARGEST_BATCH` pictures, so that memory stays bounded."""
    for start in range(0, len(pixels), LARGEST_BATCH):
        yield pixels[start : start + LARGEST_BATCH]
