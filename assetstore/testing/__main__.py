"""``python -m assetstore.testing --list`` prints the guarantees of every backend, in order."""

from __future__ import annotations

import sys

from assetstore.testing.contract.backend import guarantees


def main(arguments: list[str]) -> int:
    """Print the list, or how to get it."""
    if arguments != ["--list"]:
        sys.stderr.write("usage: python -m assetstore.testing --list\n")
        return 2
    for name, meaning in guarantees():
        sys.stdout.write(f"{name}\n    {meaning}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
