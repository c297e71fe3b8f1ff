"""What a person does in a gallery, in Firefox."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from firefox import Tab

from assetstore import UploadPolicy, open_store
from serving import serving

DROP = """(() => {{
    const data = new DataTransfer();
    for (let number = 0; number < {count}; number++) data.items.add(new File([new Uint8Array({size})], `${{number}}.bin`));
    document.dispatchEvent(new DragEvent("drop", {{ dataTransfer: data, bubbles: true, cancelable: true }}));
}})()"""
STATUS = "document.getElementById('{id}').textContent"


@pytest.fixture
def tab(tab_of_firefox: Tab) -> Tab:
    """Give a tab of Firefox."""
    return tab_of_firefox


def test_thirty_files_are_dropped_and_one_too_large_is_refused(tab: Tab, serve: Callable[..., str]) -> None:
    """All files that are dropped arrive; the one that is too large is refused with the reason."""
    with open_store("memory:") as store:
        tab.open(serve(store, uploads=UploadPolicy(max_size=2000)))
        tab.evaluate(DROP.format(count=30, size=1000))
        tab.wait_for(f"{STATUS.format(id='upload-status')}.startsWith('30 of 30 files uploaded')")
        tab.evaluate(DROP.format(count=1, size=3000))
        tab.wait_for("document.getElementById('upload-list').textContent.includes('at most 2,000 bytes, got 3,000')")
        assert 30 == len(list(store.list()))


def test_a_large_upload_goes_on_after_a_reload(tab: Tab, tmp_path: Path, serve: Callable[..., str]) -> None:
    """A reload in the middle of 200 MB loses no part that was sent: the file is chosen again and the rest follows."""
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        for number in range(200):
            file.write(bytes([number]) * (1 << 20))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with open_store({"url": f"file:{tmp_path}/store", "serve_url": url, "origins": ["*"]}) as store:
            application, puts, is_open = store.application("asgi"), [0], [False]

            async def stopping_after_four(scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] == "http" and scope["method"] == "PUT":
                    if puts[0] >= 4 and not is_open[0]:
                        headers = [(b"access-control-allow-origin", b"*"), (b"content-length", b"0")]
                        await send({"type": "http.response.start", "status": 503, "headers": headers})
                        await send({"type": "http.response.body"})
                        return
                    puts[0] += 1
                await application(scope, receive, send)

            with serving(stopping_after_four, listener):
                tab.open(serve(store))
                tab.choose("#upload-files", large)
                tab.wait_for("document.querySelector('#upload-list button')?.textContent === 'Try again'")
                tab.reload()
                tab.wait_for("document.getElementById('upload-list').textContent.includes('choose large.bin again')")
                is_open[0] = True
                tab.choose("#upload-files", large)
                tab.wait_for(f"{STATUS.format(id='upload-status')}.startsWith('1 of 1 files uploaded')")
            assert 13 == puts[0]
            assert large.read_bytes() == store.read("large.bin")


def test_deleting_and_renaming_ask_and_go_by_keyboard(tab: Tab, serve: Callable[..., str]) -> None:
    """An asset is renamed and deleted without a mouse; the dialog names what goes, and Escape keeps it."""
    with open_store("memory:") as store:
        store.upload(b"text", key="a.txt")
        tab.open(serve(store))
        tab.evaluate("document.querySelector('[data-key] input').focus()")
        tab.press("F2")
        tab.wait_for("document.querySelector('#doing-rename[open]')")
        tab.evaluate("document.activeElement.select()")
        tab.press(*"b.txt", "Enter")
        tab.loaded()
        tab.wait_for("document.querySelector('[data-key=\"b.txt\"] input')")
        for answer in ("Escape", "Tab"):
            tab.evaluate("document.querySelector('[data-key] input').focus()")
            tab.press("Delete")
            tab.wait_for("document.querySelector('#doing-delete[open]')")
            assert ["b.txt"] == tab.evaluate(
                "[...document.querySelectorAll('#doing-delete li')].map((each) => each.textContent)"
            )
            tab.press(answer)
        assert "Delete" == tab.evaluate("document.activeElement.textContent")
        tab.evaluate(
            "document.activeElement.click()"
        )  # without a window Firefox takes no Enter for a button that has the focus
        tab.loaded()
        tab.wait_for(f"{STATUS.format(id='doing-status')} === '1 deleted'")
        assert [] == list(store.list())
