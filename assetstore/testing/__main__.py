"""``python -m assetstore.testing --list`` prints the guarantees of every backend, ``--markdown`` ``docs/contract.md``."""

from __future__ import annotations

import sys

from assetstore.testing.contract.backend import guarantees
from assetstore.testing.contract.document import markdown


def main(arguments: list[str]) -> int:
    """Print the list or the document, or how to get them."""
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
