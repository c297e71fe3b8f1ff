"""The contract catches the mistakes that authors of backends make, each by the guarantee that names it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections import defaultdict
from pathlib import Path

import attrs
import mutants
import pytest

from assetstore.testing.contract.backend import guarantees

FILE = Path(mutants.__file__)
BUGS = ("NameError", "TypeError", "AttributeError", "UnboundLocalError")
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
CAUGHT_BY: dict[str, tuple[str, ...]] = {
    "MergesSlashes": ("test_odd_keys_round_trip_and_never_merge", "test_empty_segments_are_segments"),
    "FoldsCase": ("test_odd_keys_round_trip_and_never_merge",),
    "RefusesTheLongestKey": ("test_a_key_has_up_to_1024_bytes",),
    "LosesTheTail": ("test_sizes_around_every_border_are_exact", "test_a_large_asset_is_copied_whole"),
    "CommitsAfterAnException": ("test_a_source_that_fails_changes_nothing",),
    "KeepsOldMetadata": ("test_an_upload_replaces_all_of_an_asset", "test_a_copy_replaces_what_was_there"),
    "TellsNaiveTimes": ("test_an_upload_tells_what_is_stored",),
    "DropsMetadata": (
        "test_metadata_round_trips_in_any_script",
        "test_spaces_around_metadata_are_kept",
        "test_a_copy_to_another_store_and_back_is_the_same",
    ),
    "KeepsLatinOnly": ("test_metadata_round_trips_in_any_script",),
    "ForgetsOnUpdate": ("test_update_replaces_what_it_names_and_keeps_the_rest",),
    "LosesTheLastByte": ("test_a_run_of_bytes_is_what_a_slice_would_be",),
    "TakesZeroForNone": ("test_a_run_of_bytes_is_what_a_slice_would_be",),
    "TakesEmptyForMissing": ("test_every_way_of_reading_gives_the_same_bytes", "test_a_run_of_an_empty_asset_is_empty"),
    "LeaksItsOwnErrors": ("test_what_is_not_there_is_not_found", "test_an_error_is_told_as_an_event"),
    "MixesVersions": ("test_a_read_is_of_one_version_while_it_is_overwritten",),
    "MarksEachRange": ("test_a_reader_seeks_as_a_file_does",),
    "RemembersInfos": ("test_a_reader_that_seeks_is_of_one_version",),
    "LeavesNotesBeside": ("test_what_may_be_resumed_is_as_whole_as_anything",),
    "KeepsAnOldFile": ("test_an_asset_has_a_file_of_its_own",),
    "LeaksReaders": ("test_abandoned_readers_cost_nothing",),
    "ListsFolderByFolder": ("test_a_listing_is_in_the_order_of_utf8_bytes", "test_a_limit_ends_a_listing"),
    "TakesPrefixesForFolders": ("test_a_prefix_is_the_beginning_of_a_key_and_no_folder",),
    "StartsAtAndNotBehind": ("test_a_listing_can_start_behind_any_key",),
    "LosesPages": ("test_pages_give_every_entry_once",),
    "CountsPages": ("test_changes_while_paging_disturb_no_other_key",),
    "CountsNoPrefixes": ("test_pages_of_a_flat_listing_give_every_entry_once",),
    "RefusesToDeleteTwice": ("test_deleting_what_is_not_there_is_no_error",),
    "DeletesWhatIsBelow": ("test_a_delete_takes_only_its_own_key", "test_a_key_may_be_the_beginning_of_others"),
    "CollectsAssets": ("test_collecting_touches_no_asset", "test_a_second_collection_finds_nothing"),
    "ReportsOnlyWhatWasThere": ("test_delete_many_reports_each_key_once",),
    "ForgetsForeignKeys": ("test_a_foreign_key_is_deleted_as_it_was_listed",),
    "CopiesBytesAlone": ("test_a_copy_has_the_bytes_headers_and_metadata", "test_a_move_leaves_only_the_destination"),
    "MovesForCopies": (
        "test_a_copy_has_the_bytes_headers_and_metadata",
        "test_a_copy_onto_itself_changes_nothing",
        "test_a_wrapper_that_passes_everything_is_as_none",
    ),
    "TellsNothingOfCopies": ("test_update_tells_what_is_stored", "test_each_operation_ends_in_one_event"),
    "CopiesAnyVersion": ("test_a_copy_can_insist_on_a_version", "test_an_update_can_insist_on_a_version"),
    "NamesItsPlaceAnew": ("test_an_asset_is_never_its_own_destination",),
    "OverwritesOnCreateOnly": ("test_a_create_only_upload_refuses_a_taken_key", "test_generated_keys_never_overwrite"),
    "DropsIfMatch": ("test_a_compare_and_swap_needs_the_stored_etag", "test_of_many_swapping_threads_one_wins"),
    "ChecksThenWrites": ("test_of_many_create_only_threads_one_wins",),
    "TakesSizesForVersions": ("test_an_etag_tells_versions_apart", "test_a_compare_and_swap_needs_the_stored_etag"),
    "StopsABatchAtAFailure": ("test_a_batch_of_uploads_is_as_one_by_one",),
    "MixesABatchUp": ("test_a_batch_of_uploads_is_as_one_by_one", "test_many_assets_go_the_way_of_one"),
    "LosesOthersWrites": ("test_threads_share_a_store",),
    "HasOnePurposeForAllMethods": ("test_a_signed_url_is_for_one_method", "test_an_application_honours_signed_urls"),
    "NeverEnds": ("test_a_signed_url_ends_when_it_says",),
    "TakesAnySize": ("test_a_signed_put_has_its_size",),
    "ShowsPartsAtOnce": ("test_signed_parts_become_one_asset", "test_only_the_parts_that_came_are_put_together"),
    "CopiesOverWhatIsThere": ("test_a_create_only_copy_refuses_a_taken_key", "test_a_direct_upload_overwrites_nothing"),
    "CopiesWhatCameLast": (
        "test_a_copy_can_insist_on_a_version",
        "test_what_is_sent_anew_while_it_is_checked_is_not_taken",
    ),
    "KeepsDroppedParts": ("test_dropped_parts_leave_nothing",),
    "LeavesUrlsUnquoted": ("test_a_public_url_names_the_key",),
    "BoastsOfAnOption": ("test_supports_names_only_what_exists",),
    "MistypesAHook": ("test_each_hook_has_the_parameters_and_types_of_its_spec",),
    "LeavesAProbe": ("test_check_finds_a_working_place_and_changes_nothing",),
    "AcceptsWhatIsNotClaimed": ("test_what_is_not_supported_is_refused",),
}
"""For each mutant the guarantees that must catch it."""


@attrs.define(eq=False)
class Verdicts:
    """Notes what becomes of each test, as a plugin of pytest.

    Attributes:
        passed, failed: for each mutant the guarantees that held or failed, on the whole store or under a prefix.
        broken: what went wrong otherwise; a mutant that cannot be made or called proves nothing.
    """

    passed: defaultdict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set))
    failed: defaultdict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set))
    broken: list[str] = attrs.field(factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of a test."""
        _, kind, test = report.nodeid.split("::")
        message = report.longrepr.reprcrash.message if report.failed else ""
        if report.failed and (report.when != "call" or message.startswith(BUGS)):
            self.broken.append(f"{report.nodeid} in {report.when}: {message}")
        elif report.when == "call":
            verdicts = self.passed if report.passed else self.failed
            verdicts[kind.removeprefix("Test")].add(test.partition("[")[0])


def verdicts_on(*tests: str) -> Verdicts:
    """Run tests of ``mutants.py`` in a session of their own; each is ``Mutant`` or ``Mutant::guarantee``."""
    found = Verdicts()
    options = ["--noconftest", "--tb=short", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = pytest.main([*options, *(f"{FILE}::Test{test}" for test in tests)], plugins=[found])
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), output.getvalue()
    assert [] == found.broken
    return found


def test_each_mutant_is_caught_by_the_guarantees_it_breaks() -> None:
    """Every mistake fails every guarantee that the table names for it."""
    table = {mutant: set(tests) for mutant, tests in CAUGHT_BY.items()}
    found = verdicts_on(*(f"{mutant}::{test}" for mutant, tests in table.items() for test in tests))
    assert table == found.failed


@pytest.mark.parametrize("sound", [kind.__name__ for kind in mutants.SOUND])
def test_a_backend_without_a_mistake_is_not_caught(sound: str) -> None:
    """The same guarantees hold for the backends that the mutants are made of."""
    tests = {test for tests in CAUGHT_BY.values() for test in tests}
    found = verdicts_on(*(f"{sound}::{test}" for test in tests))
    assert ({}, {sound: tests}) == (found.failed, found.passed)


def test_the_table_names_every_mutant() -> None:
    """No mutant is left out of the table."""
    assert {*CAUGHT_BY} == {*(kind.__name__ for kind in mutants.MUTANTS), "AcceptsWhatIsNotClaimed"}


def test_every_subject_of_the_contract_catches_a_mutant() -> None:
    """Among the guarantees of the table are some of each subject."""
    tests = {test for tests in CAUGHT_BY.values() for test in tests}
    assert {one.subject for one in guarantees()} == {one.subject for one in guarantees() if one.test in tests}


@pytest.mark.parametrize("mutant", CAUGHT_BY if LONG else list(CAUGHT_BY)[:1])
def test_the_whole_contract_over_a_mutant_names_the_same_guarantees(mutant: str) -> None:
    """Among all guarantees that fail are those of the table; ``-rP`` shows which others fail too."""
    failed = verdicts_on(mutant).failed[mutant]
    sys.stdout.write(f"{mutant}: {', '.join(sorted(failed))}\n")
    assert set(CAUGHT_BY[mutant]) <= failed
