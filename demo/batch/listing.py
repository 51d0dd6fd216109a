"""`python -m demo check`: one line a picture, printed as its batch is done."""

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from demo.batch.find import find_pictures
from demo.batch.progress import output
from demo.inference.check import PICTURES_AT_ONCE, Checked, check_stream
from demo.inference.engine import Engine

FEWEST_WITH_BAR: Final = PICTURES_AT_ONCE + 1


def list_answers(engine: Engine, paths: Sequence[Path], as_json: bool) -> bool:
    """Print the answer for each picture of files and folders; returns whether all could be judged."""
    all_judged = True
    with (
        output(lambda: sum(1 for _ in find_pictures(paths)), FEWEST_WITH_BAR) as show,
        closing(check_stream(engine, find_pictures(paths))) as stream,
    ):
        for batch in stream:
            show([json.dumps(each.answer.as_dict()) if as_json else line(each) for each in batch])
            all_judged &= all(each.answer.error is None for each in batch)
    return all_judged


def line(checked: Checked) -> str:
    """An answer as one line for a person; what the output cannot show of a name is escaped."""
    answer = checked.answer
    encoding = sys.stdout.encoding or "ascii"
    name = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in answer.file)
    name = name.encode(encoding, "backslashreplace").decode(encoding)
    if answer.error is not None:
        return f"{name}: not judged: {answer.error}"
    note = f" ({checked.note})" if checked.note else ""
    if answer.verdict == "not a digit":
        return f"{name}: not a digit{note}"
    return f"{name}: {answer.verdict}, P(fake) = {answer.fake_probability:.4f}{note}"
