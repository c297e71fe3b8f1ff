"""A site with films."""
