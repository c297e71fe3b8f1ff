"""``AsyncAssetStore``: the methods of ``AssetStore`` for asyncio and trio."""
