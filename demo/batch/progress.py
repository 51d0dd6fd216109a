"""How far a long run has come: lines of its output, and a bar in the terminal while they come."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def output(count: Callable[[], int], fewest: int) -> Iterator[Callable[[Sequence[str]], None]]:
    """Gives what prints a batch of lines to standard output at once, each line one thing done.

    Where standard error is a terminal, a bar below them says how many are done, at what rate, and how long
    the rest takes. count: how many there will be; called only where there may be a bar. fewest: with fewer
    there is none.
    """
    total = count() if sys.stderr.isatty() else 0
    if total < fewest:
        yield write
        return
    # Only here, for it takes a while to import.
    from tqdm import tqdm

    with tqdm(total=total, unit=" files", leave=False, file=sys.stderr, dynamic_ncols=True) as bar:

        def show(lines: Sequence[str]) -> None:
            # On the same terminal the bar makes way for the lines, and comes back below them.
            with bar.external_write_mode():
                write(lines)
            bar.update(len(lines))

        yield show


@contextmanager
def bar(total: int, done: int) -> Iterator[Callable[[int], None]]:
    """Gives what counts pictures that are judged: a bar where standard error is a terminal, else nothing.

    done: how many were before.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(
        total=total, initial=done, unit=" files", leave=False, file=sys.stderr, dynamic_ncols=True
    ) as shown:

        def advance(count: int) -> None:
            shown.update(count)

        yield advance


def write(lines: Sequence[str]) -> None:
    """Print lines to standard output, now."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
