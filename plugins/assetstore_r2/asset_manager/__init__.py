"""``R2AssetManager``, the older class that assetstore grew from, and the settings that it reads."""
