"""All guarantees together."""

from __future__ import annotations

from collections.abc import Iterator

from assetstore.testing.contract.changing import ChangingGuarantees
from assetstore.testing.contract.conditions import ConditionGuarantees
from assetstore.testing.contract.deleting import DeletingGuarantees
from assetstore.testing.contract.headers import HeaderGuarantees
from assetstore.testing.contract.keys import KeyGuarantees
from assetstore.testing.contract.listing import ListingGuarantees
from assetstore.testing.contract.plugin import PluginGuarantees
from assetstore.testing.contract.reading import ReadingGuarantees
from assetstore.testing.contract.sharing import SharingGuarantees
from assetstore.testing.contract.signing import SigningGuarantees
from assetstore.testing.contract.uploading import UploadingGuarantees
from assetstore.testing.contract.wrapping import WrapperGuarantees

SUBJECTS = (
    KeyGuarantees,
    UploadingGuarantees,
    HeaderGuarantees,
    ReadingGuarantees,
    ListingGuarantees,
    DeletingGuarantees,
    ChangingGuarantees,
    ConditionGuarantees,
    SharingGuarantees,
    SigningGuarantees,
    WrapperGuarantees,
    PluginGuarantees,
)


class BackendContract(
    KeyGuarantees,
    UploadingGuarantees,
    HeaderGuarantees,
    ReadingGuarantees,
    ListingGuarantees,
    DeletingGuarantees,
    ChangingGuarantees,
    ConditionGuarantees,
    SharingGuarantees,
    SigningGuarantees,
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
        excluded_keys: the same for single keys of ``ODD_KEYS``.
        wrappers: what stands between store and backend, as in ``AssetStore``, to run the guarantees through it.
    """


def guarantees() -> Iterator[tuple[str, str]]:
    """Yield the name and the meaning of each guarantee, by subject."""
    for subject in SUBJECTS:
        for name, function in vars(subject).items():
            if name.startswith("test_"):
                yield name.removeprefix("test_").replace("_", " "), (function.__doc__ or "").strip()
