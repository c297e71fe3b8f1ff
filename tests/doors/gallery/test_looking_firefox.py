"""What a gallery shows of fonts and models, in Firefox."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from firefox import Tab

from assetstore import open_store
from made_files import cube, font


@pytest.fixture
def tab(tab_of_firefox: Tab) -> Tab:
    """Give a tab of Firefox."""
    return tab_of_firefox


def test_a_specimen_is_set_in_its_font(tab: Tab, serve: Callable[..., str]) -> None:
    """The font is loaded, although its file comes as an attachment in a sandbox."""
    with open_store("memory:") as store:
        store.upload(font("woff"), "a.woff")
        tab.open(f"{serve(store)}/asset?key=a.woff")
        tab.wait_for("[...document.fonts].some(font => font.family === 'specimen' && font.status === 'loaded')")


def test_a_model_is_shown_or_the_page_says_that_it_cannot_be(tab: Tab, serve: Callable[..., str]) -> None:
    """The viewer is let in by the policy; without WebGL, as here perhaps, there is a reason instead of an empty frame."""
    with open_store("memory:") as store:
        store.upload(cube(), "a.glb")
        tab.open(f"{serve(store)}/asset?key=a.glb")
        found = "document.querySelector('iframe.model').contentDocument.querySelector('{}')"
        tab.wait_for(f"{found.format('model-viewer')}?.loaded")
        has_webgl = tab.evaluate("document.createElement('canvas').getContext('webgl2') !== null")
        assert has_webgl == (tab.evaluate(f"{found.format('#broken')}.textContent") == "")
