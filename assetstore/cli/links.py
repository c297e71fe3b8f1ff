"""The commands ``presign`` and ``url``."""

from __future__ import annotations

import re
from typing import Any, cast

import click

from assetstore.cli.session import Session, command, header_options, no_overwrite_option
from assetstore.cli.text import as_record, plain
from assetstore.options import Method

_EXPIRES = re.compile(r"(\d{1,9})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    found = _EXPIRES.fullmatch(value.strip().lower())
    if not found:
        raise click.BadParameter("must be a number of seconds, or for example 30s, 15m, 1h, 7d", context, parameter)
    return int(found[1]) * _SECONDS[found[2]]


@command("presign",
    examples=(
        "assetstore presign maps/keep.webp --expires 15m",
        "assetstore presign docs/rules.pdf --download-as 'House rules.pdf'",
        "assetstore presign incoming/keep.webp --method PUT --content-type image/webp --size 48213",
    ),
)
@click.argument("key")
@click.option(
    "--method",
    type=click.Choice(["GET", "HEAD", "PUT", "DELETE"], case_sensitive=False),
    default="GET",
    show_default=True,
    help="What the URL allows.",
)
@click.option(
    "--expires", default="1h", show_default=True, callback=_seconds, metavar="TIME", help="How long: 30s, 15m, 1h, 7d."
)
@click.option("--content-type", metavar="TYPE", help="The type that a PUT must send, or that a GET is answered with.")
@click.option("--download-as", metavar="FILENAME", help="For a GET: the name under which a browser saves the asset.")
@click.option("--window", callback=_seconds, metavar="TIME", help="For a GET: sign one URL for so long; caches like it.")
@click.option("--size", "content_length", type=int, metavar="BYTES", help="For a PUT: the size that must be sent.")
@click.option("--sha256", metavar="HEX", help="For a PUT: the digest that the bytes must have.")
@header_options("For a PUT: the HTTP header {}.", but=["content_type"])
@no_overwrite_option
def presign_command(session: Session, key: str, method: str, no_overwrite: bool, **options: Any) -> None:
    """Sign a URL that works until it expires.

    Whoever holds the URL may use it. stdout gets the URL alone.
    """
    request = session.open().presign(key, method=cast(Method, method), overwrite=not no_overwrite, **options)
    if session.as_json:
        session.record(as_record(request))
        return
    session.line(request.url)
    for name, value in request.headers.items():
        session.talk(f"send the header {plain(name)}: {plain(value)}")
    session.talk(f"{request.method} until {request.expires_at.isoformat(timespec='seconds')}")


@command("url",
    examples=(
        "assetstore url maps/keep.webp",
    ),
)
@click.argument("key")
def url_command(session: Session, key: str) -> None:
    """Show the public URL of an asset."""
    url = session.open().url(key)
    if session.as_json:
        session.record({"key": key, "url": url})
    else:
        session.line(plain(url))
