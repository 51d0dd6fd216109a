"""Descriptions and JSON schemas of the API's calls, their arguments and results."""

from collections.abc import Mapping
from typing import Any, Final

from demo.batch.many import MOST_FILES

Schema = dict[str, Any]

API_VERSION: Final = "2.0"
"""The major number grows with every change of a call or its result, the minor with every addition."""

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "check": (
        "Judge one picture: was the digit in it written by a person or made by a generator? "
        'The answer has file, verdict ("real", "fake", "unsure" or "not a digit"), reason, fake_probability '
        "(P(fake | x), from 0 to 1), logit (its log-odds), digit, digit_probability, in_domain, model, "
        'version, provider and error. For "not a digit" reason is "blank", "several digits", "too small", '
        '"cut off" or "not handwriting", and fake_probability, logit, digit and digit_probability are null; '
        "for every other verdict reason is null. What the model does not output is null. For a picture that "
        "cannot be judged all but file and error are null, and error says why in one sentence."
    ),
    "check_many": (
        f"Judge several pictures, up to {MOST_FILES:,} at once. The answers come in the order of the "
        "pictures, each as from check. A picture that cannot be judged does not stop the others."
    ),
    "generate": (
        "Let a generator make digits, and judge each of them. digit, from 0 to 9, chooses the digit, null "
        "leaves it open; mlp_generator cannot choose. count is the number of digits, from 1 to 256. The "
        "same seed, a whole number from 0, makes the same digits. model names the generator; null takes "
        "generator where it is installed, else the first. Each result has answer, as from check, png, the "
        "picture as a base64 PNG file, whose score by check is the same, and digit, the one asked for or "
        "null."
    ),
    "history": (
        "Judge one picture by the tutorial's discriminator at several moments of its training. The result "
        "has steps, the training steps at which a snapshot was taken; fake_probability, the P(fake | x) of "
        "each snapshot; discriminator_loss and generator_loss, the two losses at each of these steps, or "
        "null where they were not recorded; model and version."
    ),
}


def typed(kind: str, description: str) -> Schema:
    """Return the schema of a value of a JSON type."""
    return {"type": kind, "description": description}


def nullable(kind: str, description: str) -> Schema:
    """Return the schema of a value of a JSON type, or null."""
    return {"anyOf": [{"type": kind}, {"type": "null"}], "description": description}


def record(description: str, **properties: Schema) -> Schema:
    """Return the schema of an object that always has these properties."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
    }


def listed(items: Schema, description: str) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items, "description": description}


ANSWER: Final = record(
    "The answer for one picture; for one that cannot be judged all but file and error are null.",
    file=typed("string", "the file's name"),
    verdict=nullable("string", "real, fake, unsure or not a digit"),
    reason=nullable(
        "string",
        "why it is not a digit: blank, several digits, too small, cut off or not handwriting; null for every "
        "other verdict",
    ),
    fake_probability=nullable("number", "P(fake | x), from 0 to 1; null for not a digit"),
    logit=nullable("number", "the log-odds of fake; null for not a digit"),
    digit=nullable("integer", "the likeliest digit, 0 to 9; null for not a digit"),
    digit_probability=nullable("number", "P(y | x) of that digit; null for not a digit"),
    in_domain=nullable("number", "from 0 to 1: does this look like one handwritten digit at all"),
    model=nullable("string", "the discriminator that scored"),
    version=nullable("string", "its version"),
    provider=nullable("string", "the onnxruntime provider that ran it"),
    error=nullable("string", "why the file cannot be judged, in one sentence"),
)
ANSWERS: Final = listed(ANSWER, "One answer a file, in the order of the files.")

GENERATED: Final = listed(
    record(
        "A generated digit.",
        answer=ANSWER,
        png=typed("string", "the picture, a PNG file in base64; /check gives it the same answer"),
        digit=nullable("integer", "the digit that was asked for"),
    ),
    "The digits, in the order in which they were made.",
)

NUMBERS: Final = {"type": "array", "items": {"type": "number"}}
LOSSES: Final = {"anyOf": [NUMBERS, {"type": "null"}]}
HISTORY: Final = record(
    "One value a snapshot in each list.",
    steps=listed({"type": "integer"}, "the training steps at which a snapshot was taken"),
    fake_probability=NUMBERS | {"description": "P(fake | x) of each snapshot, from 0 to 1"},
    discriminator_loss=LOSSES
    | {"description": "the discriminator's loss at each step; null where it was not recorded"},
    generator_loss=LOSSES
    | {"description": "the generator's loss at each step; null where it was not recorded"},
    model=typed("string", "the model that holds the snapshots"),
    version=typed("string", "its version"),
)
