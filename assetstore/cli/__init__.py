"""The command line: ``assetstore`` and ``python -m assetstore``."""

from __future__ import annotations

import sys
from gc import freeze  # not the module: the command gc has this name in the package
from importlib.util import find_spec


def main() -> None:
    """Run the command that ``sys.argv`` names and exit with its code."""
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        print(f"error: the command line needs {' and '.join(missing)}: pip install 'assetstore[cli]'", file=sys.stderr)
        raise SystemExit(2)
    try:
        from assetstore.cli.app import app
        from assetstore.cli.streams import end_data
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    try:
        app(prog_name="assetstore")
    finally:
        end_data()
        freeze()  # otherwise the interpreter looks for cycles among all objects before it ends


__all__ = ["main"]
