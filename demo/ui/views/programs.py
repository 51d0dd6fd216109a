"""The programs for use elsewhere, each in a block of code with a button that copies it."""

import html

from demo.snippets.programs import SHOWN_ADDRESS, Program, programs
from demo.ui.texts import Words
from demo.ui.views.model_files import download_link


def program_list(words: Words) -> str:
    """HTML for the programs: each opens by itself, the first is open."""
    parts = "".join(_program(each, index == 0, words) for index, each in enumerate(programs()))
    return f'<p>{words("elsewhere.programs-says")}</p><div class="programs">{parts}</div>'


def _program(program: Program, is_open: bool, words: Words) -> str:
    needs = ", ".join(map(download_link, program.needs))
    file = program.path.name
    steps = [words(f"elsewhere.{program.name}-says")]
    if needs:
        steps.append(f"{words('elsewhere.needs')} {needs}.")
    blocks = _code(program.path.read_text(encoding="utf-8").rstrip(), file, f"{program.name}-program", words)
    commands = "\n".join(filter(None, (program.prepare, program.run)))
    if commands:
        blocks += _code(commands, words("elsewhere.commands"), f"{program.name}-commands", words)
    said = "".join(f"<p>{step}</p>" for step in steps)
    return (
        f"<details{' open' if is_open else ''}><summary>{words(f'elsewhere.{program.name}')}</summary>"
        f"{said}{blocks}</details>"
    )


def _code(text: str, title: str, name: str, words: Words) -> str:
    """A block that scrolls by itself. title: HTML that says what it is; name: its id on the page."""
    address = " data-address" if SHOWN_ADDRESS in text else ""
    copy, label = words("elsewhere.copy"), words("elsewhere.copy-name", name=html.unescape(title))
    return (
        f'<figure class="code" id="{name}"><figcaption><span>{title}</span>'
        f'<button type="button" class="quiet-button copy" aria-label="{label}" data-copy="{copy}" '
        f'data-done="{words("elsewhere.copied")}" data-selected="{words("elsewhere.selected")}">'
        f"{copy}</button>"
        f'</figcaption><pre tabindex="0" role="group" aria-label="{title}">'
        f"<code{address}>{html.escape(text)}</code></pre></figure>"
    )
