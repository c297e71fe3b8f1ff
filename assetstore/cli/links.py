"""The commands ``presign`` and ``url``."""

from __future__ import annotations

from typing import Any, cast

import click

from assetstore.cli.completion import complete_keys
from assetstore.cli.session import Session, command, header_options, no_overwrite_option
from assetstore.cli.text import as_record, plain
from assetstore.cli.values import as_seconds
from assetstore.options import Method


@command("presign",
    examples=(
        "assetstore presign maps/keep.webp --expires 15m",
        "assetstore presign docs/rules.pdf --download-as 'House rules.pdf'",
        "assetstore presign maps/keep.webp --method PUT --content-type image/webp --size 48213",
    ),
)
@click.argument("key", shell_complete=complete_keys)
@click.option(
    "--method",
    type=click.Choice(["GET", "HEAD", "PUT", "DELETE"], case_sensitive=False),
    default="GET",
    show_default=True,
    help="The request that the URL allows.",
)
@click.option(
    "--expires",
    default="1h",
    show_default=True,
    callback=as_seconds,
    metavar="TIME",
    help="How long the URL works: 90s, 15m, 1h, 7d.",
)
@click.option("--content-type", metavar="TYPE", help="The content type that a PUT must send, or that a GET returns.")
@click.option("--download-as", metavar="FILENAME", help="For a GET: the file name for browsers to save the asset as.")
@click.option("--window", callback=as_seconds, metavar="TIME", help="For a GET: return one URL for this long, for caches.")
@click.option("--size", "content_length", type=int, metavar="BYTES", help="For a PUT: the size that the body must have.")
@click.option("--sha256", metavar="HEX", help="For a PUT: the digest that the body must have.")
@header_options("For a PUT: the HTTP header {}.", but=["content_type"])
@no_overwrite_option
def presign_command(session: Session, key: str, method: str, no_overwrite: bool, **options: Any) -> None:
    """Sign a URL that works until it expires.

    Anyone who has the URL can use it. Only the URL goes to stdout.
    """
    request = session.open().presign(key, method=cast(Method, method), overwrite=not no_overwrite, **options)
    if session.as_json:
        session.record(as_record(request))
        return
    session.line(request.url)
    for name, value in request.headers.items():
        session.talk(f"send the header {plain(name)}: {plain(value)}")
    session.talk(f"valid for {request.method} until {request.expires_at.isoformat(timespec='seconds')}")


@command("url",
    examples=(
        "assetstore url maps/keep.webp",
    ),
)
@click.argument("key", shell_complete=complete_keys)
def url_command(session: Session, key: str) -> None:
    """Show the public URL of an asset."""
    url = session.open().url(key)
    if session.as_json:
        session.record({"key": key, "url": url})
    else:
        session.line(plain(url))
