"""Copying inside a bucket without moving the bytes through this machine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from assetstore import AssetInfo, AssetStoreError, CopyOptions, UnavailableError, PreconditionError
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import in_doubt, translated
from assetstore_r2.headers import HEADERS, copy_params, info_from_head, unquoted
from assetstore_r2.multipart import Part, part_size_for, send_parts

_PART = 512 << 20
