"""An upload policy: it limits types and sizes, and checks that the bytes are of the declared type.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["policy"]

    [stores.prod.policy]
    allowed_types = ["image/*", "audio/*", "application/pdf"]
    max_size      = 20_000_000

An upload that breaks a rule raises InvalidOptionError, and nothing of it is stored. A stream of unknown length is counted
while it is sent. The first bytes tell images, audio, video, PDF and ZIP apart. An asset that is declared as one of them must
be one, and one of them must not be declared as a page or as text; ``application/octet-stream`` declares nothing. Bytes that
look like HTML, SVG or XML must be declared as such. For all other bytes the declared type alone decides. Packed bytes
(``content_encoding``) cannot be checked, so they are refused unless ``sniff = false``.

A native copy could change a type without a check, and the bytes of a signed PUT never reach this wrapper, so it passes
neither. The store copies by reading and writing, under these rules. Downloads and public URLs are passed.
"""

from assetstore_policy.wrapper import Policy

__all__ = ["Policy"]
