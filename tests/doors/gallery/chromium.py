"""Drives Chromium as ``firefox.Tab`` drives Firefox, for tests that run in both."""

from __future__ import annotations

import json
from typing import Any

import attrs
from firefox import until


@attrs.frozen(eq=False)
class ChromiumTab:
    """A page of Chromium.

    Attributes:
        page: Playwright's page, or a frame of it.
    """

    page: Any

    def open(self, url: str) -> None:
        """Load a page."""
        self.page.goto(url)

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of an expression, awaited."""
        return json.loads(self.page.evaluate(f"async () => JSON.stringify(await ({expression})) ?? 'null'"))

    def wait_for(self, expression: str) -> None:
        """Wait until an expression holds in the page, even one that is about to be loaded."""
        from playwright.sync_api import Error

        try:
            self.evaluate(until(expression))
        except Error as error:
            if "context was destroyed" not in str(error):
                raise
            self.wait_for(expression)

    def press(self, *keys: str) -> None:
        """Press keys, by their names or characters, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def resize(self, width: int, height: int) -> None:
        """Make the page so wide and high, in pixels."""
        self.page.set_viewport_size({"width": width, "height": height})

    def frame(self) -> ChromiumTab:
        """Return the first frame of the page."""
        return ChromiumTab(self.page.frames[1])
