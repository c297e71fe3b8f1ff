"""The folder on disk: names, locks, new files, and the records beside the assets."""
