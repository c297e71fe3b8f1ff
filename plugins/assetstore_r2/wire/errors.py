"""What can go wrong on the wire, by how far a request had come: that decides whether a write may have happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WireError(Exception):
    """A request got no whole answer.

    Attributes:
        assetstore_doubt: whether the service may have carried the request out.
    """

    assetstore_doubt: bool = True


class NotSentError(WireError):
    """Nothing was sent: no address, no connection, or a connection that had ended before."""

    assetstore_doubt: bool = False


class UntrustedError(NotSentError):
    """The service's TLS certificate is not trusted."""


class NoAnswerError(WireError):
    """The request was sent, at least in part, and no byte of an answer came."""


class CutAnswerError(WireError):
    """The answer ended before it was whole."""


class NotHttpError(WireError):
    """What answered does not speak HTTP as RFC 9112 defines it."""


class TooSlowError(WireError):
    """The operation's time is over, or too few bytes moved."""


class TooLateError(NotSentError, TooSlowError):
    """The operation's time was over before anything was sent."""


class CancelledError(WireError):
    """Another thread cancelled the operation."""


class S3Error(Exception):
    """The service answered with an error.

    Attributes:
        response: the answer in the form of botocore's ``ClientError.response``.
        operation_name: the operation, for example ``PutObject``.
        assetstore_doubt: whether the answer came before the request was sent whole.
    """

    def __init__(self, response: Mapping[str, Any], operation_name: str, *, sent_whole: bool = True) -> None:
        """Keep the answer."""
        super().__init__(f"{operation_name}: status {response['ResponseMetadata']['HTTPStatusCode']}")
        self.response = response
        self.operation_name = operation_name
        self.assetstore_doubt: bool = not sent_whole
