"""A large collection, judged part by part into a folder of tables; what lies there: `demo/batch/plan.py`."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.batch.parquet import count_answers, read_listed, read_pictures, write_answers
from demo.batch.plan import Part, Plan
from demo.batch.progress import bar
from demo.errors import ResultsError
from demo.inference.answer import Answer
from demo.inference.check import check_stream
from demo.inference.engine import Engine

PICTURES_IN_PART: Final = 4096
"""Some seconds of work: what a stop costs at most, for each part under way."""


@dataclass(frozen=True)
class Done:
    """A part whose answers are written. unjudged: how many of its pictures have an error in place of one."""

    number: int
    pictures: int
    unjudged: int


def judge_collection(plan: Plan, out: Path, judge: Callable[[Sequence[Part]], Iterable[Done]]) -> bool:
    """Judge what is missing of a plan's parts, and say on standard error what there is in the end.

    judge: the engine: from parts to what was done of each, in any order. Returns whether all pictures could
    be judged, those of earlier runs included.

    Raises:
        ResultsError: a table cannot be read or written, or some part was not judged.
    """
    judged = {part.number: done for part in plan.parts if (done := finished(part, out)) is not None}
    earlier = len(judged)
    missing = [part for part in plan.parts if part.number not in judged]
    with bar(plan.pictures, sum(done.pictures for done in judged.values())) as advance:
        for done in judge(missing) if missing else ():
            judged[done.number] = done
            advance(done.pictures)
    if len(judged) < len(plan.parts):
        raise ResultsError(f"Of {len(plan.parts)} parts {len(judged)} are judged; start again to go on.")
    for aside in out.glob(".part-*"):
        # What a writer left that was killed.
        aside.unlink(missing_ok=True)
    unjudged = sum(done.unjudged for done in judged.values())
    kept = f" ({earlier} of {len(plan.parts)} parts were there before)" if earlier else ""
    print(f"{out}: {plan.pictures:,} pictures, {unjudged:,} of them not judged{kept}", file=sys.stderr)
    return unjudged == 0


def judge_here(engine: Engine, out: Path, parts: Iterable[Part]) -> Iterator[Done]:
    """Judge parts in this process, one after another.

    Raises:
        ResultsError: as `judge_part`.
    """
    return (judge_part(engine, part, out) for part in parts)


def judge_part(engine: Engine, part: Part, out: Path) -> Done:
    """Judge a part's pictures as `python -m demo check` does, and write their answers.

    A part that is there is left as it is: whoever had judged it may have ended before it could say so.

    Raises:
        ResultsError: the table of pictures cannot be read or has changed, that of answers cannot be written,
            or a picture could not be judged through a fault that is not its own: nothing is written then.
    """
    done = finished(part, out)
    if done is not None:
        return done
    table = Path(part.table)
    pictures = (
        read_listed(table, part.first, part.rows)
        if part.name is None
        else read_pictures(table, part.name, part.first, part.rows)
    )
    answers: list[Answer] = []
    with closing(check_stream(engine, pictures)) as stream:
        for batch in stream:
            for checked in batch:
                if checked.machine_error:
                    reason = str(checked.answer.error).rstrip(".")
                    raise ResultsError(
                        f"{checked.answer.file} cannot be judged, through no fault of its own ({reason}); "
                        "put that right and start again to go on."
                    )
                answers.append(checked.answer)
    if len(answers) != part.rows:
        raise ResultsError(f"{table} has changed since the run began; start again with another --out.")
    write_answers(part_file(part, out), answers)
    return Done(part.number, part.rows, sum(answer.error is not None for answer in answers))


def finished(part: Part, out: Path) -> Done | None:
    """What was done of a part before, or None where nothing was.

    Raises:
        ResultsError: its table is not the part's.
    """
    path = part_file(part, out)
    if not path.exists():
        return None
    pictures, unjudged = count_answers(path)
    if pictures != part.rows:
        raise ResultsError(
            f"{path} holds {pictures} answers where there should be {part.rows}; remove it and start again."
        )
    return Done(part.number, pictures, unjudged)


def part_file(part: Part, out: Path) -> Path:
    """Where a part's answers lie."""
    return out / f"part-{part.number:06d}.parquet"
