"""Drives Firefox by WebDriver BiDi, which it speaks itself: https://w3c.github.io/webdriver-bidi/."""

from __future__ import annotations

import importlib
import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

import browsing

KEYS = {"Enter": "\ue006", "Tab": "\ue004", "Escape": "\ue00c", "Delete": "\ue017", "F2": "\ue032"}
SECONDS = 600


def until(expression: str) -> str:
    """Return an expression for what waits until another one holds; one that cannot be told yet does not."""
    return f"""new Promise((resolve) => {{
        const holds = () => {{ try {{ return {expression}; }} catch {{ return false; }} }};
        const look = () => (holds() ? resolve(true) : setTimeout(look, 50));
        look();
    }})"""


@attrs.frozen(eq=False)
class Tab:
    """A tab of Firefox.

    Attributes:
        socket: the connection to Firefox.
        context: the tab's name there.
        events: what Firefox told meanwhile.
    """

    socket: Any
    context: str
    events: list[dict[str, Any]] = attrs.field(factory=list)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self._numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self.socket.recv())).get("id") != number:
            self.events.append(answer)
        assert "success" == answer["type"], answer
        return dict(answer["result"])

    def open(self, url: str) -> None:
        """Load a page."""
        found = self.send("browsingContext.navigate", context=self.context, url=url, wait="complete")
        self.loaded(found["navigation"])

    def reload(self) -> None:
        """Load the page again."""
        found = self.send("browsingContext.reload", context=self.context, wait="complete")
        self.loaded(found["navigation"])

    def loaded(self, navigation: str | None = None) -> None:
        """Wait until this navigation is over, or any page has loaded since the last call of this, ``open`` or ``reload``."""
        while not any(self._is_end(event, navigation) for event in self.events):
            self.events.append(json.loads(self.socket.recv()))
        self.events.clear()

    def _is_end(self, event: dict[str, Any], navigation: str | None) -> bool:
        # Frames load too, and what a test before this one has left may still do.
        found = event["params"] if event.get("method") == "browsingContext.load" else {}
        return found.get("context") == self.context and navigation in (None, found["navigation"])

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of an expression, awaited."""
        result = self.send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self.context},
            awaitPromise=True,
        )
        assert "success" == result["type"], result
        return json.loads(result["result"].get("value", "null"))

    def wait_for(self, expression: str) -> None:
        """Wait until an expression holds in the page."""
        self.evaluate(until(expression))

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file in an input."""
        found = self.send("browsingContext.locateNodes", context=self.context, locator={"type": "css", "value": selector})
        element = {"sharedId": found["nodes"][0]["sharedId"]}
        self.send("input.setFiles", context=self.context, element=element, files=[str(path)])

    def press(self, *keys: str) -> None:
        """Press keys, by their names or characters, one after the other."""
        values = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
        sources = [{"type": "key", "id": "keyboard", "actions": actions}]
        self.send("input.performActions", context=self.context, actions=sources)

    def resize(self, width: int, height: int) -> None:
        """Make the page so wide and high, in pixels."""
        self.send("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height})

    def frame(self) -> Tab:
        """Return the first frame of the page."""
        tree = self.send("browsingContext.getTree", root=self.context)["contexts"][0]
        return attrs.evolve(self, context=tree["children"][0]["context"])


def address_in(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until Firefox has written where it listens; it would stop at a pipe that nobody empties."""
    while not (found := re.search(r"BiDi listening on (ws://\S+)", log.read_text(errors="replace"))):
        assert process.poll() is None, log.read_text(errors="replace")
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    return found[1]


@contextmanager
def firefox(profile: Path) -> Iterator[Tab]:
    """Start Firefox with an empty profile and give its tab."""
    command = [str(browsing.FIREFOX), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with (
        (profile / "log").open("w") as log,
        subprocess.Popen(command, stderr=log, stdout=log) as process,
    ):
        try:
            address = address_in(profile / "log", process)
            connect = importlib.import_module("websocket").create_connection  # websocket-client, which selenium brings
            socket = connect(f"{address}/session", timeout=SECONDS, suppress_origin=True)
            tab = Tab(socket, "")
            tab.send("session.new", capabilities={"alwaysMatch": {"unhandledPromptBehavior": {"default": "accept"}}})
            context = tab.send("browsingContext.getTree")["contexts"][0]["context"]
            tab.send("session.subscribe", events=["browsingContext.load"])
            yield Tab(socket, context)
            socket.close()
        finally:
            process.terminate()
