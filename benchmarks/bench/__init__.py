"""Measures assetstore beside every peer that installs, on one S3 server and one disk: ``tox -e bench``."""
