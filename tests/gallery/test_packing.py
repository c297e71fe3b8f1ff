"""What is packed on its way, and what a browser may keep."""

from __future__ import annotations

from asking import Visit

from assetstore import open_store
from assetstore_gallery.static_files import VERSION


def test_pages_and_what_they_load_are_packed_and_files_are_not(visit: Visit) -> None:
    """HTML, JSON, style and scripts come by gzip for who takes it; the bytes of assets come as they are."""
    with open_store("memory:") as store:
        for number in range(30):
            store.upload(b"text " * 1000, f"{number}.txt")
        client = visit(store)
        paths = ("/browse", "/browse.json", "/stats", f"/static/{VERSION}/gallery.css", f"/static/{VERSION}/actions.js")
        for path in paths:
            packed, plain = client.get(path), client.get(path, headers={"accept-encoding": "identity"})
            assert ("gzip", None) == tuple(each.headers.get("content-encoding") for each in (packed, plain)), path
            assert "accept-encoding" in packed.headers["vary"].lower()
        assert "content-encoding" not in client.get("/file", params={"key": "1.txt"}).headers
        answer = client.post("/do/headers", json={"key": "1.txt"}, headers={"X-Assetstore": "1"})
        assert "content-encoding" not in answer.headers


def test_style_and_scripts_are_kept_by_version(visit: Visit) -> None:
    """Under the address of their version they are kept for ever, under another one asked about; pages are not kept."""
    with open_store("memory:") as store:
        client = visit(store)
        kept, asked = (client.get(f"/static/{name}gallery.css") for name in (f"{VERSION}/", ""))
        assert ["public, max-age=31536000, immutable", "no-cache"] == [
            each.headers["cache-control"] for each in (kept, asked)
        ]
        again = client.get("/static/gallery.css", headers={"if-none-match": asked.headers["etag"]})
        assert 304 == again.status_code
        assert 404 == client.get("/static/0123456789ab/gallery.css").status_code
        page = client.get("/browse")
        assert f'href="/static/{VERSION}/gallery.css"' in page.text
        assert "no-store" == page.headers["cache-control"]
