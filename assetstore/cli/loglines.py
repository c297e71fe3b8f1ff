"""Prints logged warnings as single lines."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator

from assetstore.cli.errors import tracing
from assetstore.cli.text import plain, without_secrets


class LogLines(logging.Handler):
    """Prints each logged warning as one escaped line, and its traceback only with ASSETSTORE_TRACE."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text = f"{text}: {record.exc_info[0].__name__}"
            if tracing():
                text = f"{text}\n{''.join(traceback.format_exception(*record.exc_info))}"
        print(f"warning: {plain(without_secrets(text))}", file=sys.stderr)


@contextlib.contextmanager
def printing_log_lines() -> Iterator[None]:
    """Print logged warnings and errors while the block runs."""
    handler = LogLines(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
