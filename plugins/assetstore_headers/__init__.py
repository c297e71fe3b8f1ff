"""A wrapper that gives uploads a Cache-Control by their keys, where they come without one."""

from assetstore_headers.wrapper import DefaultHeaders

__all__ = ["DefaultHeaders"]
