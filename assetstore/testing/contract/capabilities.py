"""Which guarantees show that a capability works where a backend claims it."""

from __future__ import annotations

from collections.abc import Mapping

from assetstore.options import HEADERS, TEXT_HEADERS

_HEADERS = ("test_headers_round_trip",)
_BOUND_HEADERS = ("test_a_signed_put_stores_its_headers",)
_PARTS = ("test_signed_parts_become_one_asset",)
_PARTS_LISTED = ("test_signed_parts_are_listed",)
_PART_HEADERS = ("test_an_upload_in_parts_keeps_its_headers",)
_UPDATES = ("test_update_replaces_what_it_names_and_keeps_the_rest",)

PROOFS: Mapping[str, tuple[str, ...]] = {
    "upload": ("test_every_kind_of_source_is_stored_alike", "test_sizes_around_every_border_are_exact"),
    **{f"upload.{name}": _HEADERS for name in TEXT_HEADERS},
    "upload.content_encoding": (
        *_HEADERS,
        "test_packed_bytes_are_read_as_they_are_stored",
        "test_what_loaders_unpack_is_told_by_its_name",
    ),
    "upload.content_type": (*_HEADERS, "test_the_content_type_is_guessed_from_the_name"),
    "upload.metadata": ("test_metadata_round_trips_in_any_script", "test_spaces_around_metadata_are_kept"),
    "upload.overwrite": ("test_a_create_only_upload_refuses_a_taken_key", "test_of_many_create_only_threads_one_wins"),
    "upload.if_match": ("test_a_compare_and_swap_needs_the_stored_etag", "test_of_many_swapping_threads_one_wins"),
    "read": ("test_every_way_of_reading_gives_the_same_bytes",),
    "read.offset": (
        "test_a_run_of_bytes_is_what_a_slice_would_be",
        "test_a_run_of_an_empty_asset_is_empty",
        "test_a_reader_seeks_as_a_file_does",
    ),
    "read.length": ("test_a_run_of_bytes_is_what_a_slice_would_be", "test_a_run_of_an_empty_asset_is_empty"),
    "read.if_match": ("test_a_read_can_insist_on_a_version",),
    "stat": ("test_an_upload_tells_what_is_stored", "test_what_is_not_there_is_not_found"),
    "list": ("test_a_listing_is_in_the_order_of_utf8_bytes", "test_a_prefix_is_the_beginning_of_a_key_and_no_folder"),
    "list.cursor": ("test_pages_give_every_entry_once", "test_changes_while_paging_disturb_no_other_key"),
    "list.limit": ("test_a_limit_ends_a_listing", "test_pages_give_every_entry_once"),
    "list.recursive": ("test_a_flat_listing_folds_what_has_a_further_slash",),
    "list.start_after": ("test_a_listing_can_start_behind_any_key",),
    "delete": ("test_a_deleted_asset_is_gone", "test_delete_many_reports_each_key_once"),
    "delete.foreign": ("test_a_foreign_key_is_deleted_as_it_was_listed",),
    "download": ("test_every_way_of_reading_gives_the_same_bytes", "test_a_download_appears_whole_or_not_at_all"),
    "download.progress": ("test_a_download_appears_whole_or_not_at_all",),
    "download.checkpoint": ("test_what_may_be_resumed_is_as_whole_as_anything",),
    "copy": ("test_a_copy_has_the_bytes_headers_and_metadata", "test_a_large_asset_is_copied_whole"),
    **{f"copy.{name}": _UPDATES for name in TEXT_HEADERS},
    "copy.cache_control": (*_UPDATES, "test_update_clears_with_empty_values"),
    "copy.metadata": (*_UPDATES, "test_update_clears_with_empty_values"),
    "copy.overwrite": ("test_a_create_only_copy_refuses_a_taken_key",),
    "copy.if_match": ("test_a_copy_can_insist_on_a_version",),
    "update.if_match": ("test_an_update_can_insist_on_a_version", "test_of_many_updating_threads_one_wins"),
    "copy.container": ("test_a_copy_to_another_store_and_back_is_the_same",),
    "copy.known": ("test_a_direct_upload_becomes_an_asset", "test_what_is_sent_anew_while_it_is_checked_is_not_taken"),
    "presign": (
        "test_a_signed_url_works_as_it_was_signed",
        "test_a_signed_url_allows_nothing_else",
        "test_signing_needs_no_network",
    ),
    "presign.method": ("test_a_signed_url_works_as_it_was_signed", "test_a_signed_url_is_for_one_method"),
    "presign.expires": ("test_a_signed_url_ends_when_it_says",),
    **{f"presign.{name}": _BOUND_HEADERS for name in TEXT_HEADERS},
    "presign.content_type": ("test_a_signed_get_is_answered_with_its_type", "test_a_signed_put_stores_its_type"),
    "presign.download_as": ("test_a_signed_get_is_saved_under_its_name",),
    "presign.content_length": ("test_a_signed_put_has_its_size",),
    "presign.sha256": ("test_a_signed_put_has_its_digest",),
    "presign.metadata": ("test_a_signed_put_stores_its_metadata",),
    "presign.cache_control": (*_BOUND_HEADERS, "test_a_signed_put_stores_its_cache_control"),
    "presign.overwrite": (
        "test_a_signed_put_can_be_create_only",
        "test_a_signed_create_only_put_leaves_no_cache_control_to_browsers",
    ),
    "presign.window": ("test_one_window_has_one_signed_url",),
    "presign.part": ("test_signed_parts_become_one_asset", "test_a_signed_part_is_for_one_place"),
    "presign_many": ("test_many_are_signed_as_one_by_one",),
    "path": ("test_an_asset_has_a_file_of_its_own",),
    "container": ("test_an_asset_is_never_its_own_destination",),
    "url": ("test_a_public_url_names_the_key",),
    "begin_parts": (*_PARTS, "test_dropped_parts_leave_nothing"),
    **{f"begin_parts.{name}": _PART_HEADERS for name in HEADERS},
    "begin_parts.part_size": ("test_a_damaged_read_of_an_upload_in_parts_raises",),
    "list_parts": _PARTS_LISTED,
    "list_parts.upload_id": _PARTS_LISTED,
    "end_parts": (*_PARTS, "test_dropped_parts_leave_nothing"),
    "end_parts.upload_id": _PARTS,
    "end_parts.parts": (*_PARTS, "test_only_the_parts_that_came_are_put_together"),
    "application": ("test_an_application_honours_signed_urls",),
    "application.interface": ("test_an_application_honours_signed_urls",),
    "application.max_size": ("test_an_application_has_a_largest_upload",),
    "application.begin": ("test_what_an_application_answers_is_an_event",),
    "upload_many": ("test_a_batch_of_uploads_is_as_one_by_one", "test_many_assets_go_the_way_of_one"),
    "upload_many.max_concurrency": ("test_at_most_so_many_run_at_once",),
    "collect": ("test_collecting_touches_no_asset", "test_a_second_collection_finds_nothing"),
    "collect.older_than": ("test_what_is_young_is_not_collected",),
    "collect.remove": ("test_a_second_collection_finds_nothing",),
    "collect.repair": ("test_repair_is_done_or_refused",),
    "collect.prefix": ("test_collecting_touches_no_asset",),
    "check": ("test_check_finds_a_working_place_and_changes_nothing",),
}
"""For each operation, and each option of one, the guarantees that fail where it is claimed and does not work.

That what is not claimed is refused is shown for all of them by ``test_what_is_not_supported_is_refused``.
"""

NEVER_GIVEN = frozenset({"begin_parts.overwrite", "begin_parts.if_match"})
"""Options that no caller gives and no backend claims: what becomes of a taken key is decided when an upload ends."""

HINTS = frozenset(
    {
        *("copy.known", "copy.container", "begin_parts.part_size", "upload_many.max_concurrency", "download.checkpoint"),
        *("collect.older_than", "collect.remove", "collect.repair", "collect.prefix"),
    }
)
"""Options that are about a backend's work and change nothing of what comes out, or only where something is an hour old."""
