"""`python -m demo check`: one line per picture, printed as soon as its batch is done."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Literal

from demo.batch.archive import is_archive, unpacked
from demo.batch.find import find_pictures
from demo.batch.spreadsheet import csv_header, csv_line
from demo.decoder.images import LARGEST_FILE_BYTES
from demo.inference.check import PICTURES_AT_ONCE, Checked, Source, check_stream
from demo.inference.engine import Engine

STANDARD_INPUT: Final = Path("-")
Form = Literal["text", "json", "csv"]


def list_answers(engine: Engine, paths: Sequence[Path], form: Form) -> bool:
    """Print the answer for each picture of files, zips and folders; return whether all could be judged."""
    all_judged = True
    shown: dict[Form, Callable[[Checked], str]] = {
        "text": line,
        "json": lambda each: json.dumps(each.answer.as_dict()),
        "csv": lambda each: csv_line(each.answer).rstrip(),
    }
    with printer(paths) as show, closing(check_stream(engine, sources(paths))) as stream:
        if form == "csv":
            write([csv_header().rstrip()])
        for batch in stream:
            show(list(map(shown[form], batch)))
            all_judged &= all(each.answer.error is None for each in batch)
    return all_judged


def sources(paths: Sequence[Path]) -> Iterator[tuple[str, Source]]:
    """Yield each picture that paths name, also in zips, and that of standard input for `-`."""
    for path in paths:
        if path == STANDARD_INPUT:
            # One byte more than allowed is enough to refuse it.
            yield str(path), sys.stdin.buffer.read(LARGEST_FILE_BYTES + 1)
            continue
        for name, source in find_pictures([path]):
            if source == path and is_archive(path):
                yield from unpacked(name, path)
            else:
                yield name, source


def line(checked: Checked) -> str:
    """Return an answer as one line for a person; characters that the output cannot show are escaped."""
    answer = checked.answer
    encoding = sys.stdout.encoding or "ascii"
    name = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in answer.file)
    name = name.encode(encoding, "backslashreplace").decode(encoding)
    if answer.error is not None:
        return f"{name}: not judged: {answer.error}"
    note = f" ({checked.note})" if checked.note else ""
    if answer.reason is not None:
        return f"{name}: {answer.verdict} ({answer.reason}){note}"
    verdict = f"{answer.verdict}, {answer.leaning}" if answer.leaning else answer.verdict
    return f"{name}: {verdict}, P(fake) = {answer.fake_probability:.4f}{note}"


@contextmanager
def printer(paths: Sequence[Path]) -> Iterator[Callable[[Sequence[str]], None]]:
    """Yield a function that prints a line for each picture, above a progress bar.

    There is a bar if standard error is a terminal and there is more than one batch.
    """
    total = sum(1 for _ in find_pictures(paths)) if sys.stderr.isatty() else 0
    if total <= PICTURES_AT_ONCE:
        yield write
        return
    # Its import takes a while.
    from tqdm import tqdm

    with tqdm(total=total, unit=" files", leave=False, file=sys.stderr, dynamic_ncols=True) as bar:

        def show(lines: Sequence[str]) -> None:
            with bar.external_write_mode():
                write(lines)
            bar.update(len(lines))

        yield show


def write(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
