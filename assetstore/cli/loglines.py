"""Prints the warnings that a library logs as single lines."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator

from assetstore.cli.errors import tracing
from assetstore.cli.text import plain, without_secrets


class LogLines(logging.Handler):
    """Prints warnings that are logged as one harmless line each, without their tracebacks unless those are asked for."""

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
    """Print what is logged as a warning or worse, as long as the block lasts."""
    handler = LogLines(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
