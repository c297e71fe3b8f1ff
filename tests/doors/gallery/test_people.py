"""The pages are used by keyboard, by finger, on narrow screens, without motion, and in colours of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from everything import ASSETS, PAGES

from assetstore import AssetStore

SHOWN = [*PAGES.values(), *(f"asset?key={key}" for key in ASSETS)]
EACH = pytest.mark.parametrize("path", SHOWN)
SMALL = """() => [...document.querySelectorAll("a[href], button, input, select, summary, textarea, [tabindex='0']")]
    .map((each) => [each, (each.closest("label") ?? each).getBoundingClientRect()])
    .filter(([each, { width, height }]) => each.checkVisibility() && !each.matches(".skip") && Math.min(width, height) < 24)
    .map(([each, { width, height }]) => `${each.outerHTML} is ${width} by ${height}`)"""
"""Finds controls that are too small to hit."""
FOCUSABLE = (
    "a[href], button:enabled, input:enabled:not([type=hidden]), select, summary, textarea, audio, video, [tabindex='0']"
)
FOCUSED = """() => {
    const found = [...document.querySelectorAll(SELECTOR)].filter((each) => each.checkVisibility());
    const now = document.activeElement;
    const drawn = now.matches("audio, video") || [now, now.closest("label")].some((each) => {
        const { outlineStyle, outlineWidth } = each ? getComputedStyle(each) : {};
        return each && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    });
    return [found.indexOf(now), drawn, found.length];
}""".replace("SELECTOR", f'"{FOCUSABLE}"')
"""Tells which of the controls has the focus, whether one sees it (a player draws its own), and how many there are."""
MOVING = """() => [...document.querySelectorAll("*")].flatMap((each) => {
    const { animationName, transitionDuration } = getComputedStyle(each);
    return animationName !== "none" || transitionDuration !== "0s" ? [each.outerHTML.slice(0, 80)] : [];
})"""
DIALOGS = ("rename", "move", "edit", "delete", "keys")


@EACH
def test_no_page_scrolls_sideways(path: str, page: Any, gallery: str) -> None:
    """On a phone, and on a screen of 1280 pixels at 400 %, a page is as wide as the screen."""
    page.goto(f"{gallery}/{path}")
    for width in (360, 320):
        page.set_viewport_size({"width": width, "height": 640})
        wide, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert shown >= wide, width


@EACH
def test_every_control_is_large_enough_to_hit(path: str, page: Any, gallery: str) -> None:
    """Links, buttons, boxes and fields have at least 24 by 24 pixels; those of dialogs too."""
    page.goto(f"{gallery}/{path}")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert [] == page.evaluate(SMALL), width
        for number in range(page.locator("dialog").count()):
            page.evaluate(f"document.querySelectorAll('dialog')[{number}].showModal()")
            assert [] == page.evaluate(SMALL), (width, number)
            page.evaluate(f"document.querySelectorAll('dialog')[{number}].close()")


@pytest.mark.parametrize("path", [path for path in SHOWN if "rules.pdf" not in path])
def test_tab_reaches_every_control_in_order_and_one_sees_where_it_is(path: str, page: Any, gallery: str) -> None:
    """Tab goes from the first control to the last as they stand on the page, and each shows that it has the focus.

    Chromium's viewer of PDFs takes the focus whenever it has loaded, so its page is left out.
    """
    page.goto(f"{gallery}/{path}")
    seen = []
    page.keyboard.press("Tab")
    for _ in range(200):
        now = page.evaluate(FOCUSED)
        if seen and now[0] == seen[0]:
            break
        # Else it is in a frame, which has controls of its own, or between the end of the page and its beginning.
        if now[0] >= 0:
            if now[0] not in seen[-1:]:  # a player has several controls of its own
                seen.append(now[0])
            assert now[1], page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
    assert list(range(now[2])) == seen


@pytest.mark.parametrize("name", DIALOGS)
def test_escape_closes_a_dialog_and_the_focus_returns(name: str, page: Any, gallery: str) -> None:
    """A dialog is opened by Enter and closed by Escape; the focus is in it, and afterwards where it was."""
    page.goto(f"{gallery}/asset?key=rules.txt")
    button = f"[data-dialog={name}], [data-open={name}]"
    page.locator(button).press("Enter")
    page.locator(f"#doing-{name}[open]").wait_for()
    assert page.evaluate(f"document.querySelector('#doing-{name}').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert page.evaluate(f"document.activeElement.matches('{button}')")
    assert 0 == page.locator("dialog[open]").count()


def test_the_skip_link_leads_past_the_head_of_the_page(page: Any, gallery: str) -> None:
    """The first Tab shows a link, and Enter moves the focus to the content."""
    page.goto(gallery)
    page.keyboard.press("Tab")
    assert 0 <= page.locator(".skip").bounding_box()["x"]
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")


@EACH
def test_nothing_moves_for_whoever_wants_no_motion(path: str, page: Any, gallery: str) -> None:
    """With reduced motion no element has an animation or a transition."""
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{gallery}/{path}")
    assert [] == page.evaluate(MOVING)


def test_forced_colours_leave_signs_and_choices_visible(page: Any, gallery: str) -> None:
    """Where the system chooses the colours, signs are drawn in the colour of text and the choice has an outline."""
    page.emulate_media(forced_colors="active")
    page.goto(gallery)
    style = "(name) => (element) => getComputedStyle(element)[name]"
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert ink == page.locator(".icon").first.evaluate(f"each => ({style})('stroke')(each)")
    assert "2px" == page.locator(".chips [aria-current]").first.evaluate(f"each => ({style})('outlineWidth')(each)")


def test_what_happens_is_said_in_the_language_of_the_page(shown: AssetStore, page: Any, serve: Callable[..., str]) -> None:
    """The page names its language; scripts speak it too, in lines that screen readers read out."""
    from playwright.sync_api import expect

    page.goto(serve(shown, language="de"))
    assert "de" == page.locator("html").get_attribute("lang")
    page.get_by_role("checkbox", name="Alle wählen").check()
    expect(page.get_by_role("status").first).to_have_text(f"{sum('/' not in key for key in ASSETS)} gewählt")


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_scripts_write_sizes_as_the_pages_do(language: str, shown: AssetStore, page: Any, serve: Callable[..., str]) -> None:
    """A size looks the same whether the server or a script wrote it."""
    from assetstore_gallery.amounts import readable

    page.goto(serve(shown, language=language))
    sizes = [0, 1, 2, 999, 1000, 1550, 999_949, 999_960, 2_500_000, 12_345 * 10**12]
    written = page.evaluate("async (sizes) => sizes.map((await import('/static/actions.js')).readable)", sizes)
    assert [readable(language, size).split() for size in sizes] == [text.split() for text in written]
