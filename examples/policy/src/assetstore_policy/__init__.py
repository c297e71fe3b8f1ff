"""An upload policy: which types, how large, and that the bytes are of the type that is declared.

::

    [stores.prod]
    url      = "r2://${R2_ACCOUNT_ID}/assets"
    wrappers = ["policy"]

    [stores.prod.policy]
    allowed_types = ["image/*", "audio/*", "application/pdf"]
    max_size      = 20_000_000

An upload that breaks a rule is InvalidOptionError, and nothing of it is stored; a stream of unknown length is counted while
it is sent. The first bytes tell images, audio, video, PDF and ZIP apart: an asset that is declared as one of them has to be
one, and one of them that is declared as a page or as text is refused; ``application/octet-stream`` declares nothing. What
looks like HTML, SVG or XML has to be declared as that. Anything else is taken by its declared type alone.

A native copy could change a type unseen, and the bytes of a signed PUT never pass through here, so neither is passed. The
store copies by reading and writing, under these rules. Downloads and public URLs are passed.
"""

from assetstore_policy.wrapper import Policy

__all__ = ["Policy"]
