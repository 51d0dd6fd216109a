"""The answer for one picture, identical from the command line, the app and its API."""

from dataclasses import dataclass

from demo.contract import NOT_HANDWRITING


@dataclass(frozen=True)
class Answer:
    """The verdict on one picture. For a picture that cannot be judged all but `file` and `error` are None.

    reason: why it is `not a digit`, one of `REASONS` or `NOT_HANDWRITING`; None for other verdicts.
    fake_probability: P(fake | x) in [0, 1]. logit: its log-odds.
    digit: the likeliest of 0 to 9, with its probability; None if the model does not read digits.
    All four are None for a picture that is `not a digit`.
    in_domain: in [0, 1].
    provider: the onnxruntime provider that ran the model.
    """

    file: str
    verdict: str | None = None
    reason: str | None = None
    fake_probability: float | None = None
    logit: float | None = None
    digit: int | None = None
    digit_probability: float | None = None
    in_domain: float | None = None
    model: str | None = None
    version: str | None = None
    provider: str | None = None
    error: str | None = None

    @property
    def leaning(self) -> str | None:
        """Which side of even odds an unsure answer is on: `probably generated` or `probably handwritten`."""
        if self.verdict != "unsure" or self.fake_probability is None:
            return None
        return "probably generated" if self.fake_probability >= 0.5 else "probably handwritten"

    def as_dict(self) -> dict[str, str | float | int | None]:
        """Return the fields in the contract's order, ready for JSON."""
        # dataclasses.asdict copies every value and takes ten times as long.
        return dict(vars(self))


@dataclass(frozen=True)
class Thresholds:
    """The limits between the verdicts: `fake` at or above `fake`, `real` at or below `real`, else `unsure`.

    in_domain: a picture below it is `not a digit`; None for a model without that output.
    """

    fake: float
    real: float
    in_domain: float | None = None

    def verdict(self, fake_probability: float, in_domain: float | None = None) -> str:
        """Return `not a digit` (tested first), `fake`, `real` or `unsure`."""
        if self.in_domain is not None and in_domain is not None and in_domain < self.in_domain:
            return "not a digit"
        if fake_probability >= self.fake:
            return "fake"
        if fake_probability <= self.real:
            return "real"
        return "unsure"


def reason_for(verdict: str, isolation: str | None) -> str | None:
    """Return why a picture is `not a digit`; None for other verdicts.

    isolation: why the normalizer could isolate no single digit, or None.
    """
    if verdict != "not a digit":
        return None
    return isolation or NOT_HANDWRITING
