"""What the site makes of its pages while it is built: help texts, notebooks, formulas.

A page asks by a comment: `<!-- command line -->` becomes the help text of every command,
`<!-- notebook: PATH -->` a notebook with the outputs that are stored in it. Formulas in TeX become
MathML, which browsers draw by themselves, so that no script is fetched to read them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# Chinese characters, their full stops and brackets.
HAN = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
COMMANDS = "<!-- command line -->"
NOTEBOOK = re.compile(r"<!-- notebook: (\S+) -->")
# The theme's script would look for a site map a language, which there is not; the choice of the
# language has its own links.
ALTERNATE = re.compile(r'<link rel="alternate"[^>]*\bhreflang=[^>]*>')
# The theme asks another host for the script by which pages opened as files can be searched.
SHIM, OWN_SHIM = "https://unpkg.com/iframe-worker/shim", "assets/iframe_worker.js"
OUTSIDE = re.compile(r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="((?:https?:)?//[^"]*)"')
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.S)


def command_line() -> str:
    """Return the help of the program and of each command, as the terminal shows it."""
    import click

    from tfgan_survey.cli import cli

    def pages(command: click.Command, name: str, parent: Any, level: int) -> Iterator[str]:
        context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
        yield f"{'#' * level} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            for one in command.list_commands(context):
                yield from pages(command.get_command(context, one), one, context, min(level + 1, 3))

    return "\n".join(pages(cli, "tfgan-survey", None, 2))


def notebook(path: Path) -> str:
    """Return a notebook as Markdown: text, code, and outputs where they were stored.

    Args:
        path: an `.ipynb` that has been run (`python tools/notebooks.py`).
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        else:
            parts.append(f"```python\n{source}\n```")
            parts += [_output(one) for one in cell["outputs"]]
    return "\n\n".join(parts)


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        picture = "".join(data["image/png"].split())
        return f'<img alt="output" src="data:image/png;base64,{picture}">'
    if "image/gif" in data:
        picture = "".join(data["image/gif"].split())
        return f'<img alt="output" src="data:image/gif;base64,{picture}">'
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f'<pre class="output">{html.escape(text.rstrip())}</pre>'


def joined(markdown: str) -> str:
    """Join lines that break inside Chinese text: a browser would draw a space there.

    Args:
        markdown: a page; headings, code and tables keep their lines.
    """
    lines, code = [], False
    for line in markdown.split("\n"):
        within = lines and not code and not lines[-1].startswith(("#", "|"))
        if within and HAN.search(lines[-1][-1:]) and HAN.match(line.lstrip()):
            lines[-1] += line.lstrip()
        else:
            lines.append(line)
        code ^= line.startswith("```")
    return "\n".join(lines)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put in what the page asks for."""
    markdown = joined(markdown)
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, command_line())
    return NOTEBOOK.sub(lambda found: notebook(ROOT / found[1]), markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Write formulas in TeX as MathML."""
    from latex2mathml.converter import convert

    def formula(found: re.Match[str]) -> str:
        display = "block" if found[1] == "div" else "inline"
        return convert(html.unescape(found[2]), display=display)

    return FORMULA.sub(formula, content)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Take the theme's script from the site itself."""
    from mkdocs.utils import get_relative_url

    return ALTERNATE.sub("", output).replace(SHIM, get_relative_url(OWN_SHIM, page.url))


def on_post_template(output_content: str, **_: Any) -> str:
    """Take the theme's script from the site itself; the page of a missing page has no place."""
    return output_content.replace(SHIM, f"/{OWN_SHIM}")


def on_post_build(config: Any) -> None:
    """Refuse a site that would fetch something from elsewhere while it is read."""
    from mkdocs.exceptions import PluginError

    for path in sorted(Path(config.site_dir).rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        if outside := OUTSIDE.findall(text):
            raise PluginError(f"{path} fetches {outside[0]}; put a copy into docs/assets.")
