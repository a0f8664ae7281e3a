"""Pieces of a page: escaped facts, and rows of pictures as data URIs."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image


def facts(values: Mapping[str, Any]) -> str:
    """Return names and values as a description list."""
    pairs = "".join(
        f"<div><dt>{escape(key)}</dt><dd>{escape(_text(value))}</dd></div>"
        for key, value in values.items()
    )
    return f'<dl class="facts">{pairs}</dl>'


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def labelled(rows: Iterable[tuple[str, Sequence[str], str]]) -> str:
    """Lay out rows of pictures.

    Args:
        rows: a name (plain text, "" for none), `img` elements, and markup to stand behind them.

    Returns:
        A list, its names in a column of their own if there are any.
    """
    rows = list(rows)
    named = any(name for name, _, _ in rows)
    parts = [
        "<li>"
        + (f'<span class="name">{escape(name)}</span>' if named else "")
        + "".join(images)
        + (f'<span class="after">{after}</span>' if after else "")
        + "</li>"
        for name, images, after in rows
    ]
    return f'<ul class="rows{" named" if named else ""}">{"".join(parts)}</ul>'


def image(picture: Image.Image, alt: str, name: str = "strip") -> str:
    """Return an `img` element that holds its picture; `name` is its class in the style sheet."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img class="{name}" src="data:image/png;base64,{data}" alt="{escape(alt)}" '
        f'width="{picture.width}" height="{picture.height}">'
    )
