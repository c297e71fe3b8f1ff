"""Scores the reliability of assetstore, and of its peers, in twelve figures."""
