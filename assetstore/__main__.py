"""``python -m assetstore`` is the command ``assetstore``."""

from assetstore.cli import main

if __name__ == "__main__":
    main()
