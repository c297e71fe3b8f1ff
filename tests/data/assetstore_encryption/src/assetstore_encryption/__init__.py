"""Encryption on this machine: a backend below this wrapper never sees an asset's bytes, and cannot change them unnoticed.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["encryption"]

    [stores.prod.encryption]
    secret      = "${ASSETS_SECRET}"          # openssl rand -base64 32
    old_secrets = ["${ASSETS_SECRET_2024}"]   # read with, no longer written with

Hidden are the bytes. In clear stay key, size, time, headers and metadata, and of these only the key is protected against a
change. Sizes, ranges and listings are those of the plain bytes; of a range only the pieces of 64 KiB that it touches are
fetched and decrypted. ETags are those of the encrypted bytes and serve ``if_match`` as ever. There is no digest, because one
of the plain bytes would tell who has the same file.

A signed or public URL would hand out encrypted bytes, a native download as well, and a native copy would put them under a
key that they do not belong to: none of these is passed. The store copies by reading and writing instead, which is also how
an asset gets the new secret after a rotation: ``store.copy(key, key)``.

What a backend can still do unnoticed is to give an older version of an asset, whole, or to say that there is none. An asset
that was written without this wrapper cannot be read through it, and its size is told as if it were encrypted.
"""

from assetstore_encryption.wrapper import Encryption

__all__ = ["Encryption"]
