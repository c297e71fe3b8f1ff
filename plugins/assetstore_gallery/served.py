"""The gallery as ``assetstore serve`` shows it."""

from __future__ import annotations

from collections.abc import Callable, Collection

import attrs
from starlette.types import ASGIApp

from assetstore import AssetStore, UploadPolicy
from assetstore_gallery.app import put_together
from assetstore_gallery.entrance import Entrance
from assetstore_gallery.options import GalleryOptions
from assetstore_gallery.rights import Rights


@attrs.frozen(eq=False)
class ServedGallery:
    """A gallery with an entrance of its own.

    Attributes:
        application: the gallery.
        path: where it is mounted.
        entrance: lets people in.
    """

    application: ASGIApp
    path: str
    entrance: Entrance

    def link(self) -> str:
        """Return the path of a new link that works once."""
        return f"{self.path}/open?code={self.entrance.new_code()}"


def serve_gallery(
    store: AssetStore,
    *,
    path: str,
    title: str | None = None,
    rights: Collection[str] = (),
    token: str | None = None,
    hosts: Collection[str] = (),
    max_size: int | None = None,
    renew: Callable[[], object],
) -> ServedGallery:
    """Make a gallery that lets in who has the link or the token.

    Args:
        store: what is shown.
        path: where the gallery is mounted.
        title: the name on its pages; by default the store's.
        rights: what visitors may do: ``upload``, ``change``, ``delete``.
        token: lets in whoever knows it.
        hosts: the names that the header Host may have.
        max_size: the largest file that may be uploaded, in bytes.
        renew: called when a used link is opened again, to print a new one.
    """
    entrance = Entrance(rights=Rights(**dict.fromkeys(rights, True)), token=token, renew=renew)
    options = GalleryOptions(
        title=title or "",
        login=entrance.visitor,
        login_hint="open the link that is printed where assetstore serve runs",
        login_url=f"{path}/login",
        hosts=tuple(hosts),
        uploads=UploadPolicy(max_size=max_size),
    )
    return ServedGallery(put_together(store, options, entrance.routes), path, entrance)
