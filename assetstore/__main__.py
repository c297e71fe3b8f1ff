"""Runs the command ``assetstore`` as ``python -m assetstore``."""

from assetstore.cli import main

if __name__ == "__main__":
    main()
