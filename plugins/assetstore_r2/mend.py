"""Removes the cause of a refused signature, a wrong clock or expired credentials, so that another attempt may succeed."""

from __future__ import annotations

from assetstore.plugin import AccessDeniedError, AssetStoreError
from assetstore_r2.errors import answer_of, code_of, skew
from assetstore_r2.sigv4 import Signer

_SKEWED = 600.0
"""Seconds between the clocks from which a refusal may be due to them; services refuse more than 900."""
_EXPIRED = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")


def mend(signer: Signer, error: AssetStoreError) -> bool:
    """Return whether another attempt may succeed.

    It may if the date of the answer shows that the clocks differ; from then on requests are signed by the store's clock.
    (An answer to HEAD has no code that would say so.) It may too if the credentials renew themselves.
    """
    if not isinstance(error, AccessDeniedError):
        return False
    if code_of(error) in _EXPIRED:
        return hasattr(signer.credentials, "refresh_needed")
    ahead = skew(answer_of(error).get("ResponseMetadata", {}).get("HTTPHeaders", {}))
    if ahead is None or (abs(ahead) < _SKEWED and not signer.skew):
        return False
    # Even if another thread has just set the same: this request may have been signed before.
    signer.skew = ahead
    return True
