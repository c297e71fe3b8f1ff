"""The plugins beside the backend: naming, observers, statistics, commands, closing."""

from __future__ import annotations

import logging

import attrs
import click
import pytest

from assetstore import AssetStore, ConfigError, PluginError, UnsupportedError
from assetstore.plugin import ProposedKey, StatsOptions, Wrapper, hookimpl
from assetstore.testing import MemoryBackend, RecordingObserver


@attrs.define(eq=False)
class Naming:
    """Gives one answer."""

    answer: object

    @hookimpl
    def assetstore_name(self, filename, options):
        """Give it."""
        return self.answer


class BrokenObserver:
    """Fails at everything."""

    @hookimpl
    def assetstore_event(self, event):
        """Fail."""
        raise RuntimeError("no ink")

    @hookimpl
    def assetstore_close(self):
        """Fail."""
        raise RuntimeError("the door is stuck")


@attrs.define(eq=False)
class Closing:
    """Notes when it is closed."""

    name: str
    closed: list[str]

    @hookimpl
    def assetstore_close(self):
        """Note it."""
        self.closed.append(self.name)


class CountingStats:
    """Counts events."""

    count = 0

    @hookimpl
    def assetstore_event(self, event):
        """Count."""
        self.count += 1

    @hookimpl
    def assetstore_stats(self, options: StatsOptions):
        """Tell."""
        return {"all": {"count": self.count}}

    @hookimpl
    def assetstore_reset_stats(self, options: StatsOptions):
        """Forget."""
        self.count = 0


def test_the_first_naming_plugin_with_an_answer_names_the_key():
    """Naming plugins are asked in the order in which they were given; ``None`` passes the question on."""
    plugins = [("mute", Naming(None)), ("one", Naming(ProposedKey(key="one"))), ("two", Naming(ProposedKey(key="two")))]
    assert "one" == AssetStore(MemoryBackend(), plugins=plugins).upload(b"").key


def test_without_a_naming_plugin_a_key_is_needed():
    """An upload without a key and without a plugin that makes one says what to do."""
    with pytest.raises(ConfigError, match="pass key="):
        AssetStore(MemoryBackend()).upload(b"")


def test_a_naming_plugin_that_returns_no_proposal_is_named_in_the_error():
    """A plain text instead of a ProposedKey is a PluginError."""
    with pytest.raises(PluginError, match="plugin 'Naming' returned str from assetstore_name instead of a ProposedKey"):
        AssetStore(MemoryBackend(), plugins=[Naming("a")]).upload(b"")


def test_an_observer_that_fails_costs_nobody_anything(caplog):
    """A failing observer is logged by name; the operation succeeds and the other observers get the event."""
    observers = [RecordingObserver(), RecordingObserver()]
    plugins = [("first", observers[0]), ("broken", BrokenObserver()), ("last", observers[1])]
    store = AssetStore(MemoryBackend(), plugins=plugins)
    with caplog.at_level(logging.ERROR, "assetstore"):
        store.upload(b"abc", "a")
    assert b"abc" == store.read("a")
    assert [["upload", "read"], ["upload", "read"]] == [[event.op for event in each.events] for each in observers]
    assert "plugin 'broken' failed in assetstore_event" in caplog.text


def test_every_plugin_is_closed_once_the_outermost_first(caplog):
    """Wrappers are closed from outside to inside; one that fails is logged and stops no other."""
    closed: list[str] = []

    class ClosingBackend(MemoryBackend):
        @hookimpl
        def assetstore_close(self):
            closed.append("backend")

    class ClosingWrapper(Wrapper):
        @hookimpl
        def assetstore_close(self):
            closed.append(type(self).__name__)

    class Outer(ClosingWrapper):
        pass

    class Inner(ClosingWrapper):
        pass

    plugins = [("broken", BrokenObserver()), ("closing", Closing("plugin", closed))]
    store = AssetStore(ClosingBackend(), wrappers=[Outer, Inner], plugins=plugins)
    store.close()
    store.close()
    assert ["Outer", "Inner", "backend"] == [name for name in closed if name != "plugin"]
    assert 1 == closed.count("plugin")
    assert "plugin 'broken' failed in assetstore_close" in caplog.text


def test_statistics_come_from_their_plugin():
    """stats() and reset_stats() ask the plugin; without one stats() is UnsupportedError and a reset does nothing."""
    store = AssetStore(MemoryBackend(), plugins=[CountingStats()])
    store.upload(b"", "a")
    assert {"all": {"count": 1}} == store.stats()
    store.reset_stats()
    assert {"all": {"count": 0}} == store.stats()
    without = AssetStore(MemoryBackend())
    without.reset_stats()
    with pytest.raises(UnsupportedError, match="stats"):
        without.stats()


def test_commands_of_all_plugins_are_gathered():
    """Each plugin may offer several commands or none."""

    class Offering:
        def __init__(self, *commands):
            self.commands = commands or None

        @hookimpl
        def assetstore_commands(self):
            return self.commands

    one, two, three = map(click.Command, ("one", "two", "three"))
    plugins = [("a", Offering(one, two)), ("b", Offering()), ("c", Offering(three))]
    store = AssetStore(MemoryBackend(), plugins=plugins)
    assert {one, two, three} == set(store.commands())


def test_a_backend_among_the_plugins_is_refused():
    """A second backend or a wrapper in ``plugins`` would never be called, and is a PluginError that says so."""
    with pytest.raises(PluginError, match="give it as the backend or in wrappers"):
        AssetStore(MemoryBackend(), plugins=[("second", MemoryBackend())])
