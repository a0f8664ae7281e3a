"""The package's docstring headers, made readable for the generator of the reference.

The generator (griffe) knows `Args`, `Returns`, `Raises`; the headers of this package beside them
are put into Markdown before it reads: formulas and examples as code, the others as paragraphs.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

CODE = {"Formula": "text", "Example": "python"}
SECTION = re.compile(r"^(Formula|Example|Why|Source):\n((?:(?:    .*)?(?:\n|\Z))+)", re.M)


def readable(docstring: str) -> str:
    """Turn the sections `Formula`, `Why`, `Example` and `Source` into Markdown.

    Args:
        docstring: cleaned, the headers at the margin.

    Returns:
        the docstring; the sections that griffe knows are as they were.
    """

    def section(found: re.Match[str]) -> str:
        header, body = found[1], textwrap.dedent(found[2]).strip("\n")
        if header in CODE:
            body = f"```{CODE[header]}\n{body}\n```"
        return f"**{header}**\n\n{body}\n\n"

    return SECTION.sub(section, docstring)


class DocstringHeaders(griffe.Extension):
    """Rewrites each docstring before its sections are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)
