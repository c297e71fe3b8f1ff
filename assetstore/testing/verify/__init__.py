"""``assetstore verify-backend``: runs the contract against a live store and reports the results."""
