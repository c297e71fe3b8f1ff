"""What the test servers do otherwise than R2: each fault is named here, runs all the same, and has to fail."""

from __future__ import annotations

from assetstore.testing.contract import ODD_KEYS

_FOLDERS = "SeaweedFS keeps folders: a key is taken while another begins with it and a slash"
_SLASHES = "SeaweedFS takes t/ for t, and a folder for an asset"
_ORDER = "SeaweedFS lists folder by folder and not by bytes"

# What R2's own rules in front of a server put right.
COPIES: dict[str, str] = {
    "test_of_many_create_only_copies_one_wins": "only R2 knows cf-copy-destination-if-none-match, for create-only copies"
}

METADATA: dict[str, str] = {
    "test_metadata_have_up_to_8192_bytes": "R2 counts the marks of the R2 plugin too, which leaves 8,063 bytes"
}

SEAWEEDFS: dict[str, str] = {
    "test_a_create_only_upload_ignores_keys_around_it": _FOLDERS,
    "test_deleting_what_is_not_there_is_no_error": _SLASHES,
    "test_a_folder_is_no_asset": _SLASHES,
    "test_empty_segments_are_segments": "SeaweedFS merges a//b with a/b",
    "test_a_listing_is_in_the_order_of_utf8_bytes": _ORDER,
    "test_a_listing_can_start_behind_any_key": _ORDER,
    "test_pages_follow_one_another_in_order": _ORDER,
    "test_a_listing_that_starts_behind_a_key_is_paged_and_folded": _ORDER,
    "test_a_flat_listing_forgets_what_was_deleted": "SeaweedFS leaves prefixes behind after deletes",
    "test_pages_of_a_flat_listing_give_every_entry_once": "SeaweedFS lists a prefix beyond the page's limit",
}

_OVERWRITTEN = {"a": "\\a", "a/b": "a/\\/b", "a/b/c": "a/b//c", "a/ b": "a\\ b"}


def _seaweedfs_key(key: str) -> str | None:
    if "\\" in key:
        return "SeaweedFS takes a backslash for a slash, or drops it"
    if "//" in key or key.endswith("/"):
        return "SeaweedFS merges a//b with a/b, and t/ with t"
    if len(key.rpartition("/")[2].encode()) > 255:
        return "SeaweedFS refuses a last segment of more than 255 bytes"
    return f"SeaweedFS merges {_OVERWRITTEN[key]} with it" if key in _OVERWRITTEN else None


SEAWEEDFS_KEYS: dict[str, str] = {key: reason for key in ODD_KEYS if (reason := _seaweedfs_key(key)) is not None}

EMULATOR: dict[str, str] = {
    "test_a_signed_get_is_answered_with_its_type": "the emulator ignores response-content-type; R2 itself is unconfirmed",
    "test_a_signed_get_is_saved_under_its_name": "the emulator ignores response-content-disposition, as above",
    "test_a_signed_put_has_its_digest": "the emulator does not compare x-amz-checksum-sha256, which R2 does",
    "test_signed_parts_are_listed": "the emulator has no ListParts, which R2 has",
    "test_a_direct_upload_in_parts_goes_on_where_it_stopped": "the emulator has no ListParts, which R2 has",
    "test_packed_bytes_are_read_as_they_are_stored": "the emulator packs bytes with a Content-Encoding once more",
}

EMULATOR_KEYS: dict[str, str] = {
    key: "the emulator finds no route to a key with U+2028 or U+2029" for key in ODD_KEYS if {"\u2028", "\u2029"} & {*key}
}
