"""Small tables for notebooks. Everything that is shown is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(head: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table with a line per row; `None` is shown as nothing."""
    title = f"<caption style='caption-side: top; text-align: left'>{escape(caption)}</caption>" if caption else ""
    names = "".join(f"<th style='text-align: left'>{escape(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>{title}<thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"


def labelled(rows: Iterable[tuple[str, object]], caption: str = "") -> str:
    """A table of names and values; what has no value is left out."""
    title = f"<caption style='caption-side: top; text-align: left'>{escape(caption)}</caption>" if caption else ""
    known = ((name, value) for name, value in rows if value not in (None, ""))
    lines = "".join(f"<tr><th style='text-align: left'>{escape(name)}</th>{_cell(value)}</tr>" for name, value in known)
    return f"<table>{title}<tbody>{lines}</tbody></table>"


def _cell(value: object) -> str:
    return f"<td style='text-align: left'>{'' if value is None else escape(str(value))}</td>"


def note(text: str) -> str:
    """A line below a table."""
    return f"<p>{escape(text)}</p>"
