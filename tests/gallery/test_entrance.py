"""How people get into the gallery that ``serve`` shows: by a link that works once, or by the server's token."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from asking import BROWSER

from assetstore import open_store
from assetstore_gallery.entrance import MAX_FORM, MAX_TRIES
from assetstore_gallery.served import ServedGallery, serve_gallery
from serving import serving

TOKEN = "the server's token & an Umläut"
Enter = Callable[[str | None], tuple[ServedGallery, Callable[[], httpx.Client]]]


@pytest.fixture
def printed() -> list[str]:
    """Return what was printed for new links."""
    return []


@pytest.fixture
def enter(printed: list[str]) -> Iterator[Enter]:
    """Return a gallery with a token, or without, and what makes new browsers of it."""
    with ExitStack() as ends:

        def open_gallery(token: str | None) -> tuple[ServedGallery, Callable[[], httpx.Client]]:
            store = ends.enter_context(open_store("memory:"))
            gallery = serve_gallery(store, path="", token=token, renew=lambda: printed.append("new"))
            listener = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
            ends.enter_context(serving(gallery.application, listener))
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            return gallery, lambda: ends.enter_context(httpx.Client(base_url=address, headers=BROWSER, timeout=600))

        yield open_gallery


def test_a_link_lets_in_one_browser(enter: Enter, printed: list[str]) -> None:
    """The first to open it is let in; the second is told where the new one is, which is printed and works."""
    gallery, browser = enter(None)
    link = gallery.link()
    first, second, third = browser(), browser(), browser()
    assert (403, False) == ((looked := second.head(link)).status_code, "set-cookie" in looked.headers)
    assert [303, 200] == [first.get(path).status_code for path in (link, "/browse")]
    refused = second.get(link)
    assert (403, ["new"]) == (refused.status_code, printed)
    assert "a new one is printed where assetstore serve runs" in refused.text.lower()
    assert [303, 200] == [third.get(path).status_code for path in (gallery.link(), "/browse")]
    assert "/login" == second.get("/browse").headers["location"]


def test_a_link_that_was_replaced_or_made_up_lets_nobody_in(enter: Enter, printed: list[str]) -> None:
    """Only the last link works, and strangers who guess have no new ones printed."""
    gallery, browser = enter(None)
    old, _ = gallery.link(), gallery.link()
    client = browser()
    answers = [client.get(path) for path in (old, "/open?code=guess", "/open?code=", "/open")]
    assert ([403] * 4, []) == ([answer.status_code for answer in answers], printed)
    assert [False] * 4 == ["set-cookie" in answer.headers for answer in answers]


def test_the_token_lets_in_by_the_form_and_by_the_header(enter: Enter) -> None:
    """The form gives a browser a session, and a program sends the token; neither shows it in a page or a URL."""
    _, browser = enter(TOKEN)
    client = browser()
    assert 401 == client.get("/login").status_code
    assert 'type="password"' in client.get("/login").text
    wrong = client.post("/login", data={"token": "guess"})
    assert (403, True) == (wrong.status_code, "This is not the token." in wrong.text)
    welcome = client.post("/login", data={"token": TOKEN})
    assert (303, "/browse", 200) == (welcome.status_code, welcome.headers["location"], client.get("/browse").status_code)
    assert {"httponly", "samesite=strict"} <= {part.strip().lower() for part in welcome.headers["set-cookie"].split(";")}
    assert TOKEN not in client.get("/browse").text
    program = {"Authorization": b"Bearer " + TOKEN.encode("latin-1")}
    assert [200, 401] == [
        browser().get("/browse.json", headers=each).status_code for each in (program, {"Authorization": "Bearer guess"})
    ]


def test_guessing_the_token_is_slow(enter: Enter) -> None:
    """After some wrong tokens none is looked at for a while, not even the right one."""
    _, browser = enter(TOKEN)
    client = browser()
    guesses = [client.post("/login", data={"token": f"guess {number}"}).status_code for number in range(MAX_TRIES)]
    late = client.post("/login", data={"token": TOKEN})
    assert ([403] * MAX_TRIES, 429) == (guesses, late.status_code)
    assert "wait a minute" in late.text


def test_without_a_token_there_is_no_form(enter: Enter) -> None:
    """The page says how to get in, and whatever is sent as a token is refused, also an empty one."""
    _, browser = enter(None)
    client = browser()
    assert "<form" not in client.get("/login").text
    assert [401, 401] == [client.post("/login", data={"token": each}).status_code for each in ("", "None")]
    assert 401 == client.get("/browse.json", headers={"Authorization": "Bearer"}).status_code


def test_the_form_is_taken_from_the_gallery_alone(enter: Enter) -> None:
    """A page of another site cannot log a browser in, and a body that is no form, or too large, is a wrong token."""
    _, browser = enter(TOKEN)
    client = browser()
    foreign = client.post("/login", data={"token": TOKEN}, headers={"Origin": "https://evil.example"})
    assert (403, False) == (foreign.status_code, "set-cookie" in foreign.headers)
    for body in (b"\xff\0", b"x" * (MAX_FORM + 1), b"token", b""):
        assert 403 == client.post("/login", content=body).status_code
