"""All guarantees together."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import attrs

from assetstore.testing.contract.bound import BoundGuarantees
from assetstore.testing.contract.bulk import BulkGuarantees
from assetstore.testing.contract.changing import ChangingGuarantees
from assetstore.testing.contract.collecting import CollectingGuarantees
from assetstore.testing.contract.conditions import ConditionGuarantees
from assetstore.testing.contract.deleting import DeletingGuarantees
from assetstore.testing.contract.direct import DirectGuarantees
from assetstore.testing.contract.direct_refusals import DirectRefusalGuarantees
from assetstore.testing.contract.fixtures import Fixtures
from assetstore.testing.contract.headers import HeaderGuarantees
from assetstore.testing.contract.keys import KeyGuarantees
from assetstore.testing.contract.listing import ListingGuarantees
from assetstore.testing.contract.parts import PartsGuarantees
from assetstore.testing.contract.plugin import PluginGuarantees
from assetstore.testing.contract.reading import ReadingGuarantees
from assetstore.testing.contract.sharing import SharingGuarantees
from assetstore.testing.contract.signing import SigningGuarantees
from assetstore.testing.contract.uploading import UploadingGuarantees
from assetstore.testing.contract.wrapping import WrapperGuarantees

SUBJECTS: dict[str, type[Fixtures]] = {
    "Keys": KeyGuarantees,
    "Uploads": UploadingGuarantees,
    "Headers and metadata": HeaderGuarantees,
    "Reads": ReadingGuarantees,
    "Listings": ListingGuarantees,
    "Deletes": DeletingGuarantees,
    "Copies and moves": ChangingGuarantees,
    "Many at once": BulkGuarantees,
    "Conditions": ConditionGuarantees,
    "Sharing": SharingGuarantees,
    "Signed requests and public URLs": SigningGuarantees,
    "Signed uploads": BoundGuarantees,
    "Uploads in parts": PartsGuarantees,
    "Direct uploads": DirectGuarantees,
    "What direct uploads refuse": DirectRefusalGuarantees,
    "Leftovers": CollectingGuarantees,
    "Wrappers": WrapperGuarantees,
    "Plugins": PluginGuarantees,
}
"""The guarantees by subject, in the order in which they are read best."""


class BackendContract(
    KeyGuarantees,
    UploadingGuarantees,
    HeaderGuarantees,
    ReadingGuarantees,
    ListingGuarantees,
    DeletingGuarantees,
    ChangingGuarantees,
    BulkGuarantees,
    ConditionGuarantees,
    SharingGuarantees,
    SigningGuarantees,
    BoundGuarantees,
    PartsGuarantees,
    DirectGuarantees,
    DirectRefusalGuarantees,
    CollectingGuarantees,
    WrapperGuarantees,
    PluginGuarantees,
):
    """Every guarantee that a backend gives; a subclass overrides the fixture ``backend``.

    A guarantee about an option or operation that the backend does not have shows that it is refused instead, and the end of
    the run counts what was left out.

    Attributes:
        shared: the place is one that others use, as a bucket: guarantees run only under a random prefix, emptied afterwards.
        part_size: where the backend begins to send in parts, in bytes; sizes around it are tried.
        exclusions: guarantees that a test server is known to break, each with the reason. They run and have to fail.
        lucky: those of them that may hold now and then, as a race does that only one took part in.
        excluded_keys: the same for single keys of ``ODD_KEYS``.
        wrappers: what stands between store and backend, as in ``AssetStore``, to run the guarantees through it.
    """


@attrs.frozen(kw_only=True)
class Guarantee:
    """One thing that every backend guarantees.

    Attributes:
        test: the name of the test that shows it.
        subject: a key of ``SUBJECTS``.
        name: the name of the test in words.
        meaning: what is guaranteed, in a sentence.
    """

    test: str
    subject: str
    name: str
    meaning: str


def guarantees() -> Iterator[Guarantee]:
    """Yield each guarantee, by subject."""
    for title, subject in SUBJECTS.items():
        for test, function in vars(subject).items():
            if test.startswith("test_"):
                name = test.removeprefix("test_").replace("_", " ")
                yield Guarantee(test=test, subject=title, name=name, meaning=inspect.cleandoc(function.__doc__ or ""))
