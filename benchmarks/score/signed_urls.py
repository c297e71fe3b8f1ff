"""Figure 8: signed URLs of the local store, changed in process and over sockets, and the tokens of direct uploads."""

from __future__ import annotations

import contextlib
import random
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from assetstore import AssetStore, PresignedRequest, TokenError
from assetstore_local import LocalBackend
from assetstore_local.http.verify import Request
from assetstore_local.presign import EXPIRES, signed_fields
from local_server import exchange, head, running
from score.figure import Outcome, Run
from score.forgeries import KEY, OPTIONS, changed_text, misjudged, signed

_BODY = b"the asset"
_KEY = "maps/é +x.webp"


def measure(run: Run) -> Outcome:
    """Count the forged requests that were accepted and the genuine ones that were refused."""
    count = 500 if run.short else 5_000
    let_in: list[str] = []
    refused: list[str] = []
    with AssetStore(LocalBackend(root=run.folder / "assets", durable=False)) as store:
        store.upload(_BODY, KEY)
        backend = LocalBackend(root=run.folder / "assets", durable=False)
        for kind in OPTIONS:
            for found, wrong in zip((let_in, refused), misjudged(backend, kind, count, run.seed), strict=True):
                found += [f"{kind}: {request.method} {request.path!r} {request.query}" for request in wrong]
        let_in += [f"expiry {end}" for end in _expired(backend)]
        let_in += [f"token {token}" for token in _tokens(store, count, run.seed)]
    sent = 0
    for interface in ("asgi", "wsgi"):
        for target, is_same, served in _over_sockets(interface, run.folder / interface):
            sent += 1
            if is_same != served:
                (let_in if served else refused).append(f"{interface}: {target}")
    total = f"{count * len(OPTIONS):,} requests, {count:,} tokens, {sent} over sockets"
    return Outcome(
        value=f"{len(let_in)} and {len(refused)} of {total}",
        passed=not let_in and not refused,
        notes=(*(f"forged, accepted: {text}" for text in let_in), *(f"genuine, refused: {text}" for text in refused)),
    )


def _expired(backend: LocalBackend) -> Iterator[str]:
    """Yield the times of expiry, signed by the right key, that were accepted although they are past or not a time."""
    server = backend.server()
    now = int(time.time())
    for end in (str(now), str(now - 1), "0", "-1", f"-{now + 60}", "000"):
        fields = signed_fields("GET", KEY, {EXPIRES: end}, [])
        query = f"{EXPIRES}={end}&X-Assetstore-Signature={server.keys().sign(*fields)}"
        request = Request(method="GET", path=quote(KEY).encode(), query=query, headers=signed(backend).headers)
        with contextlib.closing(server.open(request)) as answer:
            if getattr(answer, "status", 200) != 403:
                yield end


def _tokens(store: AssetStore, count: int, seed: int) -> Iterator[str]:
    """Yield the changed tokens of direct uploads that were accepted."""
    dice = random.Random(f"{seed} tokens")
    token = store.begin_upload(key="direct.bin", size=3).token
    for _ in range(count):
        changed = changed_text(dice, token)
        if changed == token:
            continue
        try:
            store.finish_upload(changed)
        except TokenError:
            continue
        yield changed


def _over_sockets(interface: str, folder: Path) -> Iterator[tuple[str, bool, bool]]:
    """Send targets that no library would send; yield each with whether it means the same, and whether it was served."""
    with running(interface, folder) as store:
        store.upload(_BODY, _KEY)
        for method in ("GET", "DELETE"):
            request = store.presign(_KEY, method=method)
            for target, is_same in _targets(request):
                if interface == "wsgi" and target.startswith("//"):
                    continue  # Python's own server takes several slashes at the beginning for one.
                status, answer = exchange(request, head(request, method, target))
                gone = method == "DELETE" and status == 204
                yield f"{method} {target}", is_same, gone or (status == 200 and answer.endswith(_BODY))
                if gone:
                    store.upload(_BODY, _KEY)


def _targets(request: PresignedRequest) -> Iterator[tuple[str, bool]]:
    """Yield spellings of a target, and whether each means the same: one decoding gives the key and the parameters."""
    url = urlsplit(request.url)
    path, query = url.path, url.query
    pairs = query.split("&")
    end, signature = (next(pair for pair in pairs if pair.startswith(name)) for name in (EXPIRES, "X-Assetstore-Signature"))
    alike = [
        (path, query),
        (path.replace("%C3%A9", "%c3%a9"), query),
        (path.replace("%2B", "+"), query),
        ("/" + "".join(f"%{byte:02x}" for byte in _KEY.encode() if byte != 0x2F).replace("%73", "%73%2f", 1), query),
        (path, "&".join(reversed(pairs))),
        (path, query.replace(".", "%2E")),
    ]
    yield from ((f"{path}?{query}", True) for path, query in alike)
    decomposed = quote(unicodedata.normalize("NFD", _KEY))
    paths = [
        *(f"/{path}", f"//{path}", f"/.{path}", f"{path}/", f"{path}/.", f"{path}.", f"{path}%20", f"{path}%00"),
        *(path.replace("/maps/", other) for other in ("/maps//", "/./maps/", "/maps/./", "/maps/../maps/", "/x/../maps/")),
        *(path.replace("/maps/", other) for other in ("/maps%252F", "/maps\\", "/maps%5C", "/maps;/", "/MAPS/")),
        *(path.replace("/maps/", other) for other in ("/%2e/maps/", "/%2e%2e/maps/", "/maps%c0%af", "/maps%ef%bc%8f")),
        *(path.replace("%C3%A9", other) for other in ("%25C3%25A9", "%E9", "e%CC%81", "%C3", "%c3%83%c2%a9", "e", "%u00e9")),
        *(path.replace("%20", other) for other in ("+", "%2520", "%09", "%C2%A0", "")),
        *(path.replace("%2B", other) for other in ("%20", "%252B", "")),
        *(f"/{decomposed}", f"{path};x", f"{path};x=1", "/", "*", "/maps/", f"{path}{path}"),
    ]
    queries = [
        *(f"{query}&{end}", f"{query}&{signature}", f"{end}&{query}", f"{query}&x=1", f"{query}&", f"&{query}"),
        *(f"{query};x=1", query.replace("X-A", "x-a"), query.replace("&", ";"), query.replace("&", "%26")),
        *(end, signature, ""),
        *(query.replace(end, other) for other in (f"{end}0", f"{end}.0", f"{end}%20", f"{end}%00", end.replace("=", "=0"))),
        *(query.replace(end, end.replace("=", other)) for other in ("=+", "=-", "=%D9%A1")),
        *(query.replace(signature, other) for other in (signature[:-1], f"{signature}%3D", signature.swapcase())),
    ]
    yield from ((f"{other}?{query}", False) for other in dict.fromkeys(paths) if other not in {path for path, _ in alike})
    yield from ((f"{path}?{other}", False) for other in queries)
