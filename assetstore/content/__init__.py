"""The bytes of assets: where they come from, how they are read and written, and what type they are."""
