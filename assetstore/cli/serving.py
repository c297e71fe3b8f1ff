"""The command ``serve``: shows a store in a browser, and answers its signed URLs, on a port of this machine."""

from __future__ import annotations

import os
import threading
import webbrowser
from typing import Any, Protocol, cast
from urllib.parse import SplitResult, urlsplit

import attrs
import click

from assetstore.cli import errors
from assetstore.cli.completion import complete_stores
from assetstore.cli.listening import LOOPBACK, PORT, Listener, address_of, is_loopback
from assetstore.cli.session import Session, command
from assetstore.cli.text import plain
from assetstore.cli.values import as_bytes
from assetstore.config import build_store, find_store
from assetstore.entry_points import PAGES, load_factory
from assetstore.errors import PluginError, UnsupportedError
from assetstore.limits import MIN_SIGNING_KEY
from assetstore.store import AssetStore

TOKEN_VARIABLE = "ASSETSTORE_SERVE_TOKEN"  # noqa: S105 - the name of the variable, not a token

METERING = "prometheus"
"""The observer whose metrics are shown."""
_PROBE = "assetstore-serve"


@command(
    "serve",
    examples=(
        "assetstore serve file:assets --open",
        "assetstore serve r2://bucket --open --no-delete",
        "assetstore serve dev --origin https://app.example --max-size 50M",
        "assetstore serve dev --metrics",
        f"{TOKEN_VARIABLE}=… assetstore serve dev --host 0.0.0.0",
    ),
)
@click.argument("store", required=False, shell_complete=complete_stores)
@click.option("--host", metavar="HOST", help=f"The address to listen at, by default {LOOPBACK}.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help=f"The port to listen at, by default that of the signed URLs, usually {PORT}; 0 takes any free port.",
)
@click.option("--origin", "origins", multiple=True, metavar="URL", help="A site whose pages may send requests; repeatable.")
@click.option("--max-size", callback=as_bytes, metavar="SIZE", help="The largest body that a PUT may have: 512K, 20M, 2G.")
@click.option("--metrics", is_flag=True, help="Show the metrics of the store at /-/metrics, for Prometheus.")
@click.option("--title", metavar="TEXT", help="The name on the pages of the gallery, by default the store's.")
@click.option("--read-only", is_flag=True, help="Let visitors of the gallery look, and change nothing.")
@click.option("--no-delete", is_flag=True, help="Let visitors of the gallery upload and change, and delete nothing.")
@click.option("--open", "opens", is_flag=True, help="Open the browser at the link that is printed.")
@click.option("-q", "--quiet", is_flag=True, help="Do not print a link and a line for each request.")
def serve_command(
    session: Session,
    store: str | None,
    host: str | None,
    port: int | None,
    origins: tuple[str, ...],
    max_size: int | None,
    metrics: bool,
    opens: bool,
    quiet: bool,
    **pages: Any,
) -> None:
    """Show a store in a browser, and serve its signed URLs from this machine.

    STORE is a name from the configuration or a URL. The gallery shows any store; the link to it that is printed lets one
    browser in, and works once. A store whose signed URLs lead to this machine is served too, by requests that are signed:
    a link to one of its assets is printed, which works for an hour.

    Other machines reach the server only if --host names an address that they can reach. This needs a token of at least 32
    characters in the environment variable ASSETSTORE_SERVE_TOKEN. Whoever knows it may log in to the gallery; the pages /
    and /-/metrics then require the header "Authorization: Bearer TOKEN". Signed URLs do not. Metrics hold no keys.
    """
    _require_server(session)
    from assetstore.cli import web_server

    opened = _open(session, store, {"origins": list(origins)} if origins else {}, metrics=metrics)
    signs = opened.can("application")
    base = signed_base(opened) if signs else urlsplit(f"http://{LOOPBACK}:{PORT}")
    host, port = address_of(base, host, port)
    token = _token(host)
    with Listener.at(host, port) as listener:
        names = frozenset({str(base.hostname), listener.host, LOOPBACK, "::1", "localhost"})
        facts = {"path": web_server.GALLERY, "token": token, "hosts": names, "max_size": max_size, **_shown(**pages)}
        gallery = _gallery(session, opened, listener, **facts)
        server = web_server.WebServer(
            application=opened.application("asgi", max_size=max_size) if signs else None,
            gallery=gallery.application if gallery else None,
            what=plain(opened.location),
            base_path=base.path,
            hosts=names,
            token=token,
            metrics=_metrics if metrics else None,
            say=None if quiet else session.talk,
        )
        links = Links.made(opened, listener, base, gallery) if opens or not quiet else Links()
        _announce(session, opened, listener, base if signs else None, Links() if quiet else links)
        if opens:
            # A browser in the terminal returns only when it ends, and the server must answer it meanwhile.
            threading.Thread(target=_show, args=(session, links.first or listener.url), daemon=True).start()
        server.run(listener.socket)


def _require_server(session: Session) -> None:
    """End the command where what it needs to serve is not installed."""
    try:
        import assetstore.cli.web_server  # noqa: F401 - the command uses it
    except ImportError:
        text = errors.report("cannot serve", "starlette and uvicorn are not installed", "pip install 'assetstore[serve]'")
        session.complain(text)
        raise click.exceptions.Exit(errors.USAGE) from None


def _shown(*, title: str | None, read_only: bool, no_delete: bool) -> dict[str, Any]:
    """Return what the gallery is called, and what its visitors may do."""
    return {"title": title, "rights": () if read_only else ("upload", "change") + (() if no_delete else ("delete",))}


class Gallery(Protocol):
    """What a plugin's factory of pages returns."""

    @property
    def application(self) -> Any:
        """The pages, as an ASGI application."""

    def link(self) -> str:
        """Return the path of a new link that works once."""


def _gallery(session: Session, store: AssetStore, listener: Listener, **facts: Any) -> Gallery | None:
    """Return the gallery of a store, or say why there is none.

    Raises:
        UnsupportedError: there is nothing else to serve either.
    """

    def renew() -> None:
        session.line(f"a new link to the gallery: {listener.reached}{made.link()}")

    try:
        made = cast(Gallery, load_factory("gallery", PAGES)(store, renew=renew, **facts))
        return made
    except PluginError as error:
        if store.can("application"):
            session.talk(f"no gallery: {error.message}")
            return None
        why = "its signed URLs lead to the vendor's own servers" if store.can("presign") else "it signs no URLs"
        reason = f"{why}, and there is no gallery to show it in: {error.message}"
        raise UnsupportedError(reason, op="serve", store=store.name, hint=error.hint) from error


@attrs.frozen
class Links:
    """The links that are printed.

    Attributes:
        gallery: a link to the gallery that works once, or ``None``.
        asset: a signed URL, or ``None``.
    """

    gallery: str | None = None
    asset: str | None = None

    @classmethod
    def made(cls, store: AssetStore, listener: Listener, base: SplitResult, gallery: Gallery | None) -> Links:
        """Make those that work."""
        asset = listener.link(store, base) if store.can("application") else None
        return cls(f"{listener.reached}{gallery.link()}" if gallery else None, asset)

    @property
    def first(self) -> str | None:
        """The one to open in a browser."""
        return self.gallery or self.asset


def _announce(session: Session, store: AssetStore, listener: Listener, base: SplitResult | None, links: Links) -> None:
    """Say what is served where; ``base`` is the beginning of signed URLs that this server answers."""
    if session.as_json:
        urls = {"url": listener.url, "base": base.geturl() if base else None, "link": links.asset, "gallery": links.gallery}
        session.record({"store": store.name, "location": store.location, **urls})
    else:
        session.line(f"serving {plain(store.location)} at {listener.url} (Ctrl-C to stop)")
        if links.asset is not None:
            session.line(f"a link, valid for an hour: {links.asset}")
        if links.gallery is not None:
            session.line(f"the gallery, by a link that works once: {links.gallery}")
    if base and (warning := listener.warning(base)):
        session.talk(f"warning: {warning}")


def _show(session: Session, url: str) -> None:
    if not webbrowser.open(url):
        session.talk("no browser was found: open the link yourself")


def _metrics() -> tuple[bytes, str]:
    """Return all metrics of this process, and the type of the text."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(), CONTENT_TYPE_LATEST


def _open(session: Session, name: str | None, settings: dict[str, Any], *, metrics: bool) -> AssetStore:
    """Open a store with some settings replaced, and counted as metrics if asked."""
    config = find_store(name or session.store_name)
    plugins = config.table.get("plugins", [])
    if metrics and isinstance(plugins, list) and METERING not in plugins:
        settings["plugins"] = [*plugins, METERING]
    store = build_store(attrs.evolve(config, table={**config.table, **settings}))
    click.get_current_context().find_root().with_resource(store)
    return store


def signed_base(store: AssetStore) -> SplitResult:
    """Return the beginning of the store's signed URLs, without a closing slash."""
    url = urlsplit(store.presign(_PROBE).url)
    return url._replace(path=url.path.removesuffix(f"/{_PROBE}"), query="")


def _token(host: str) -> str | None:
    """Return the token for the page that is not signed.

    Raises:
        click.UsageError: the token is too short, or it is missing and other machines can reach the server.
    """
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token is None and not is_loopback(host):
        raise click.UsageError(
            f"other machines can reach {host}: set {TOKEN_VARIABLE} to {MIN_SIGNING_KEY} or more random characters first"
        )
    if token is not None and len(token) < MIN_SIGNING_KEY:
        raise click.UsageError(f"{TOKEN_VARIABLE} must have at least {MIN_SIGNING_KEY} characters")
    return token
