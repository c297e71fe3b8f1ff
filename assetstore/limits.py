"""The numbers and names that the core and its plugins share, each once. Sizes are bytes, times are seconds."""

from __future__ import annotations

MIB = 1 << 20

MAX_KEY_BYTES = 1024
"""Bytes of a key in UTF-8 (S3 and R2, "Limits")."""

MAX_METADATA_BYTES = 8192
"""Bytes of all metadata in UTF-8, names included (R2, "Limits")."""

MAX_HEADER = 8192
"""Characters of an HTTP header of an asset: servers and clients refuse longer ones."""

RESERVED_METADATA = "assetstore-"
"""Metadata names that begin with this belong to assetstore and are never shown."""

PAGE = 1000
"""Entries on one page of a listing, and keys in one batch of deletes (S3, "ListObjectsV2", "DeleteObjects")."""

MAX_UPLOADS = 256
"""The most assets that a backend gets in one ``assetstore_upload_many``: the source of each may be an open file."""

MAX_EXPIRES = 604_800
"""The longest life of a signed URL, 7 days (R2, "Presigned URLs")."""

MIN_PART = 5 * MIB
"""The smallest part of an upload in parts, the last one apart (S3 and R2, "Multipart upload limits")."""

MAX_PART = (5 << 30) - MIN_PART
"""The most bytes that one request may carry: R2 takes 5 MiB less than 5 GiB (R2, "Limits")."""

MAX_PARTS = 10_000
"""The most parts of one upload (S3 and R2, "Multipart upload limits")."""

MAX_ASSET = (5 << 40) - (5 << 30)
"""The largest asset that R2 takes, 5 GiB less than 5 TiB (R2, "Limits")."""

RESUMABLE = 64 * MIB
"""The smallest transfer that is worth resuming; a smaller one begins anew, and ends what a killed one left behind."""

MAX_CONCURRENCY = 1024
"""The most requests, or operations of a call about many assets, at a time; a process may usually have as many open files."""

PENDING = "pending/"
"""Direct uploads lie under this prefix until they are finished."""

UPLOAD_ID = "upload-id"
"""The metadata name under which a directly uploaded asset keeps the id of its upload."""

MAX_TOKEN = 2048
"""Characters of the token of a direct upload."""

TOKEN_GRACE = 86_400
"""How much longer a token lives than the requests it goes with: an upload that began in time may end late."""

MIN_SIGNING_KEY = 32
"""Bytes of a signing key."""

MIN_LEFTOVER_AGE = 3600
"""How long nothing must have changed before ``collect`` may take something for left behind."""

LEFTOVER_AGE = 86_400
"""The age of leftovers unless the caller says another one."""

MAX_PROPOSALS = 20
"""How many keys a naming plugin may propose before the upload fails."""

MAX_GLOB = 1024
"""Characters of a glob."""

MAX_CONFIG = MIB
"""Characters of a configuration file."""

MAX_SETTING = 16_384
"""Characters of one text in a configuration, or of the name or URL of a store."""

MAX_SETTINGS_DEPTH = 32
"""How deep lists and tables of a configuration may be nested."""

MAX_SETTINGS = 10_000
"""How many values one setting may hold at each depth."""

OWN_FOLDER = ".assetstore"
"""The folder in which a store of files keeps what belongs to no asset, such as its signing key."""

HEAD_BYTES = 4096
"""How many first bytes tell the type of a file; browsers look at 1,445 at most (WHATWG MIME Sniffing)."""
