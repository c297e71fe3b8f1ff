"""The page for people who open an address of the server that nobody has signed. It says the same whatever is stored."""

from __future__ import annotations

from assetstore_local.http.responses import FORGED, ErrorResponse, Response
from assetstore_local.http.verify import Request
from assetstore_local.presign import SIGNATURE

_PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>This address needs a signed link</title>
<h1>This address needs a signed link</h1>
<p>assetstore serves files here to whoever has a link that was signed for them. It lists none.</p>
<p>The owner of the store signs a link on the command line or in Python:</p>
<pre>assetstore presign KEY
store.presign("KEY").url</pre>
</html>
"""


def unsigned_page(request: Request, error: ErrorResponse) -> Response | None:
    """Return the page if a browser shows the answer to a request without any signature, and ``None`` otherwise."""
    is_shown = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    if not is_shown or error.code != FORGED[1] or SIGNATURE in request.query:
        return None
    return Response(error.status, {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}, _PAGE)
