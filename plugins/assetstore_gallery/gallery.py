"""What all pages of a gallery share."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from assetstore import AssetStore
from assetstore_gallery.amounts import number, readable
from assetstore_gallery.facts import Facts
from assetstore_gallery.index import Index
from assetstore_gallery.options import GalleryOptions
from assetstore_gallery.rights import LOOKING, Visitor
from assetstore_gallery.static_files import VERSION
from assetstore_gallery.words import language_of, named, say, words_for_scripts


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("assetstore_gallery"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@attrs.frozen(eq=False, kw_only=True)
class Gallery:
    """A store and how it is shown; the pages are functions over it.

    Attributes:
        store: what is shown.
        options: how.
        facts: what its assets hold.
        index: the names in the store, for searches and orders.
        ends: what is closed when the application ends.
    """

    store: AssetStore
    options: GalleryOptions
    facts: Facts = attrs.field(init=False)
    index: Index = attrs.field(init=False)
    ends: ExitStack = attrs.field(factory=ExitStack, init=False)
    _templates: Environment = attrs.field(factory=_environment, init=False)

    @facts.default
    def _default_facts(self) -> Facts:
        return Facts(self.store, self.options.facts_patience)

    @index.default
    def _default_index(self) -> Index:
        return Index.of(self.store, self.options.patience)

    @property
    def title(self) -> str:
        """The name on the pages."""
        return self.options.title or self.store.name

    @property
    def trash(self) -> Any | None:
        """The command of a trash, if the store has one."""
        return next((command for command in self.store.commands() if command.name == "trash"), None)

    def visitor(self, request: Request) -> Visitor:
        """Return who asks, as the guard found out."""
        visitor: Visitor = request.state.visitor
        return attrs.evolve(visitor, rights=LOOKING) if self.options.read_only else visitor

    def page(self, request: Request, name: str, facts: dict[str, Any], *, status: int = 200) -> Response:
        """Return a page: as JSON where the path ends in ``.json``, otherwise the template ``name`` filled with the facts.

        Args:
            request: the request.
            name: a file in ``templates``.
            facts: what the page tells, which JSON can hold.
            status: the status of the answer.
        """
        if request.scope["path"].endswith(".json"):
            return JSONResponse(facts, status)
        template = self._templates.get_template(name)
        visitor = self.visitor(request)
        root = request.scope.get("root_path", "")
        language = self.options.language or language_of(request.headers.get("accept-language", ""))
        shared = {
            "title": self.title,
            "visitor": visitor,
            "rights": visitor.rights,
            "root": root,
            "static": f"{root}/static/{VERSION}",
            "language": language,
            "say": partial(say, language),
            "named": partial(named, language),
            "number": partial(number, language),
            "readable": partial(readable, language),
            "words_for_scripts": partial(words_for_scripts, language),
            "trash": self.trash is not None,
        }
        return HTMLResponse(template.render(**shared, **facts), status)
