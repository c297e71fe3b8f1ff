"""Draws tables on a terminal with rich, which is loaded only for them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from assetstore.cli.session import colourful
from assetstore.cli.streams import data_stream


def drawn(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as wide as the terminal allows; a column whose heading begins with ``>`` is aligned right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    buffer = io.StringIO()
    colour = colourful(data_stream())
    width = shutil.get_terminal_size().columns
    Console(file=buffer, force_terminal=colour, no_color=not colour, width=width).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines() if line.strip())
