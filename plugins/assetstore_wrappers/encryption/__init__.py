"""Encryption on this machine: a backend below this wrapper never sees an asset's bytes, and cannot change them unnoticed.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["encryption"]

    [stores.prod.encryption]
    secret      = "${ASSETS_SECRET}"          # openssl rand -base64 32
    old_secrets = ["${ASSETS_SECRET_2024}"]   # still read, never written

It needs ``pip install 'assetstore[encryption]'``.

The bytes are hidden. Key, size, time, headers and metadata stay in clear, and of these only the key is protected against a
change. Sizes, ranges and listings are those of the plain bytes; a range fetches and decrypts only the pieces of 64 KiB that
it touches. ETags are those of the encrypted bytes and serve ``if_match`` as ever. There is no digest, because a digest of
the plain bytes would show who has the same file.

A signed or public URL and a native download would return encrypted bytes, and a native copy would put them under another
key, so none of these is passed. The store copies by reading and writing instead. After a rotation an asset gets the new
secret in the same way: ``store.copy(key, key)``. For the same reason this wrapper stands behind ``trash``, never before it.
Each record says in its first bytes that it is encrypted and by which secret; no metadata do, since whoever keeps the bytes
could change those.

A backend can still return an older version of a whole asset, or deny that the asset exists. An asset that was written
without this wrapper cannot be read through it, and its size is reported as if it were encrypted.
"""

from assetstore.plugin import require_extra

require_extra("cryptography", "encryption")

from assetstore_wrappers.encryption.wrapper import Encryption  # noqa: E402 - needs the extra

__all__ = ["Encryption"]
