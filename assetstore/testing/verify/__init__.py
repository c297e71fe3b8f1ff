"""``assetstore verify-backend``: the contract against a live store, and the report of what it found."""
