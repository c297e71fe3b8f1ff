"""What a gallery shows of fonts, models and documents, in Chromium."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from assetstore import open_store
from made_files import cube, flac, float_sound, font, pdf

IS_SHOWN = """viewer => new Promise(done => {
    const look = () => (viewer.modelIsVisible ? done() : setTimeout(look, 50));
    look();
})"""
"""Waits until the viewer has drawn its model."""


@pytest.fixture
def refusals(page: Any) -> list[str]:
    """Collect what the policy of a page refused."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if "Content Security Policy" in message.text else None)
    return found


def test_a_model_is_drawn_and_turns_until_it_is_stopped(
    page: Any, serve: Callable[..., str], refusals: list[str]
) -> None:
    """Nothing that the viewer needs is refused, the middle has the colour of the texture, and a checkbox stops it."""
    with open_store("memory:") as store:
        store.upload(cube(), "cube.glb")
        page.goto(f"{serve(store)}/asset?key=cube.glb")
        frame = page.frame_locator("iframe.model")
        viewer = frame.locator("model-viewer")
        viewer.evaluate(IS_SHOWN)
        with Image.open(io.BytesIO(viewer.screenshot())) as picture:
            red, green, blue = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
        assert red < min(green, blue) // 2
        assert viewer.evaluate("viewer => viewer.autoRotate")
        frame.get_by_label("Turn").uncheck()
        assert not viewer.evaluate("viewer => viewer.autoRotate")
        assert [] == refusals


def test_a_model_stands_still_for_who_wants_no_motion(page: Any, serve: Callable[..., str]) -> None:
    """It turns only when the checkbox is ticked."""
    with open_store("memory:") as store:
        store.upload(cube(), "cube.glb")
        page.emulate_media(reduced_motion="reduce")
        page.goto(f"{serve(store)}/asset?key=cube.glb")
        viewer = page.frame_locator("iframe.model").locator("model-viewer")
        viewer.evaluate(IS_SHOWN)
        assert not viewer.evaluate("viewer => viewer.autoRotate")


def test_a_broken_model_says_so(page: Any, serve: Callable[..., str]) -> None:
    """The frame tells that the model cannot be shown."""
    from playwright.sync_api import expect

    with open_store("memory:") as store:
        store.upload(cube()[:100], "cube.glb")
        page.goto(f"{serve(store)}/asset?key=cube.glb")
        status = page.frame_locator("iframe.model").locator("#broken")
        expect(status).to_have_text("This model cannot be shown here.")


def test_a_specimen_is_set_in_its_font(page: Any, serve: Callable[..., str], refusals: list[str]) -> None:
    """The browser loads the font of the page and no other."""
    with open_store("memory:") as store:
        store.upload(font(), "maps & more/a'b.ttf")
        page.goto(f"{serve(store)}/asset?key=maps%20%26%20more/a'b.ttf")
        loaded = page.evaluate("document.fonts.ready.then(fonts => [...fonts].map(font => [font.family, font.status]))")
        assert [["specimen", "loaded"]] == loaded
        assert [] == refusals


def test_a_waveform_is_drawn_when_it_is_opened(page: Any, serve: Callable[..., str], refusals: list[str]) -> None:
    """A sound that the gallery does not read is decoded by the browser, by the keyboard; a text says what one sees."""
    from playwright.sync_api import expect

    with open_store("memory:") as store:
        store.upload(float_sound(4), "a.wav")
        store.upload(flac(), "broken.flac")
        gallery = serve(store)
        page.goto(f"{gallery}/asset?key=a.wav")
        page.locator("summary").press("Enter")
        expect(page.locator("#waveform [role=status]")).to_have_text(re.compile(r"^It is loudest at 0:0[23]\.$"))
        heights = page.locator("#waveform path").get_attribute("d").replace("M", " ").replace("V", " ").split()
        tops = [1 - float(height) for height in heights[1::3]]
        assert 200 == len(tops)
        assert all(0.3 < top < 0.5 for top in tops[2:98])
        assert all(0.7 < top < 0.9 for top in tops[102:198])
        page.goto(f"{gallery}/asset?key=broken.flac")
        page.locator("summary").press("Enter")
        expect(page.locator("#waveform [role=status]")).to_have_text("This browser cannot decode the sound.")
        assert [] == refusals


def test_a_pdf_is_open_on_the_page(page: Any, serve: Callable[..., str], refusals: list[str]) -> None:
    """The browser's own viewer takes it, although its header puts it in a sandbox."""
    with open_store("memory:") as store:
        store.upload(pdf(), "a.pdf")
        with page.expect_event("framenavigated", lambda frame: frame.url.startswith("chrome-extension:")):
            page.goto(f"{serve(store)}/asset?key=a.pdf")
        assert [] == refusals
