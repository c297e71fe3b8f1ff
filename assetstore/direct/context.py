"""Holds what every step of a direct upload needs: the store's layers, plugins and scope. Reads tokens.

The bytes lie under ``pending/`` until the upload is finished. The asset keeps the random id of its upload in its metadata,
as ``upload-id``; a repeated call recognises its own asset by it.
"""

from __future__ import annotations

import attrs

from assetstore.direct.token import Claims, unseal
from assetstore.errors import InvalidOptionError
from assetstore.keys import Scope
from assetstore.limits import PENDING
from assetstore.operation import Operation
from assetstore.side_plugins import SidePlugins
from assetstore.stack import Stack


@attrs.frozen(kw_only=True)
class Context:
    """A store as direct uploads see it.

    Attributes:
        stack: the layers that do the work.
        plugins: the naming plugins and the signing keys.
        scope: translates keys; a token is valid for its prefix alone.
    """

    stack: Stack
    plugins: SidePlugins
    scope: Scope

    def claims(self, operation: Operation, token: str) -> Claims:
        """Verify a token and return its claims.

        Raises:
            TokenError: the token is forged, from another store or scope, or expired.
        """
        claims = unseal(self.plugins.signing_keys(), self.scope.prefix, token)
        operation.key = claims.key
        operation.locate(self.scope)
        return claims

    def claims_in_parts(self, operation: Operation, token: str) -> tuple[Claims, str]:
        """Verify the token of an upload in parts; return its claims and the backend's id of the upload.

        Raises:
            InvalidOptionError: the upload is not in parts.
        """
        claims = self.claims(operation, token)
        if claims.parts_id is None:
            raise InvalidOptionError("this upload is not in parts", hint="pass part_size= to begin_upload")
        return claims, claims.parts_id

    def pending_key(self, claims: Claims) -> str:
        """Return the backend's key under which the bytes lie until the upload is finished."""
        return self.scope.inward(PENDING + claims.upload_id)
