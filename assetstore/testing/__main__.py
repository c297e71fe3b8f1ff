"""Prints the guarantees of every backend: ``python -m assetstore.testing --list``, or ``--markdown`` for the document."""

from __future__ import annotations

import sys

from assetstore.testing.contract.backend import guarantees
from assetstore.testing.contract.document import markdown


def main(arguments: list[str]) -> int:
    """Print the list, the document or the usage."""
    if arguments == ["--list"]:
        for guarantee in guarantees():
            sys.stdout.write(f"{guarantee.name}\n    {guarantee.meaning}\n")
    elif arguments == ["--markdown"]:
        sys.stdout.write(markdown())
    else:
        sys.stderr.write("usage: python -m assetstore.testing --list | --markdown\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
