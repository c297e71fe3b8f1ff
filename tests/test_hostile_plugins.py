"""Plugins that end, interrupt, hang or litter a command cost no more than what they were there for."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import hostile_plugins
from assetstore import AssetStore, ConfigError, Event, PluginError, open_store, plugin_faults
from assetstore.entry_points import described
from assetstore.plugin import Wrapper, hookimpl
from assetstore.testing import MemoryBackend


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the hostile plugins."""
    monkeypatch.syspath_prepend(str(hostile_plugins.DATA))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "hostile"]:
        del sys.modules[name]


def test_ten_hostile_plugins_and_six_commands(tmp_path: Path) -> None:
    """Every command does its work, or nothing, and names the plugin with its distribution and version."""
    verdicts = hostile_plugins.matrix(tmp_path)
    assert ({}, 60) == (
        {pair: verdict for pair, verdict in verdicts.items() if verdict not in ("works", "stopped")}, len(verdicts)
    )


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"backend": "exit-in-backend"}, "'exit-in-backend' (hostile-plugins 1.2) failed in assetstore_stat: SystemExit"),
        ({"backend": "odd-backend"}, "'odd-backend' (hostile-plugins 1.2) cannot be used: RuntimeError: nowhere"),
        ({"backend": "raise-when-made"}, "'raise-when-made' (hostile-plugins 1.2) cannot be made: RuntimeError: no luck"),
        (
            {"backend": "memory", "wrappers": ["exit-at-import"]},
            "'exit-at-import' (hostile-plugins 1.2) cannot be loaded: SystemExit: 0",
        ),
        (
            {"backend": "exit-in-backend", "wrappers": ["headers"]},
            "'exit-in-backend' (hostile-plugins 1.2) failed in assetstore_stat: SystemExit",
        ),
        ({"url": "exit-in-url:x"}, "'exit-in-url' (hostile-plugins 1.2) cannot be used: SystemExit: 0"),
        (
            {"url": "memory:", "plugins": ["odd-attributes"]},
            "'odd-attributes' (hostile-plugins 1.2) cannot be used: RuntimeError: no assetstore_upload",
        ),
        ({"url": "memory:", "plugins": ["odd-error"]}, "'odd-error' (hostile-plugins 1.2) cannot be made: MuteError"),
        (
            {"url": "memory:", "plugins": ["odd-annotation"]},
            "'odd-annotation' (hostile-plugins 1.2) cannot be used: ZeroDivisionError: division by zero",
        ),
    ],
)
@pytest.mark.usefixtures("hostile")
def test_a_layer_that_breaks_out_fails_its_operation(table: dict[str, object], expected: str) -> None:
    """What a backend or wrapper raises is a PluginError that names it with its distribution and version."""
    with pytest.raises(ConfigError) as caught:
        open_store(table).stat("a")
    assert f"plugin {expected}" in str(caught.value)


@pytest.mark.usefixtures("hostile")
def test_a_ctrl_c_that_nobody_pressed_ends_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line has its own handler of Ctrl-C, and knows what came by it; any other KeyboardInterrupt is a fault."""
    monkeypatch.chdir(tmp_path)
    Path("assetstore.toml").write_text('default = "x"\n[stores.x]\nurl = "memory:"\nwrappers = ["interrupt-in-wrapper"]\n')
    ended = hostile_plugins.run("stat", "a")
    assert 1 == ended.code
    assert "plugin 'interrupt-in-wrapper' (hostile-plugins 1.2) failed in assetstore_stat: KeyboardInterrupt" in ended.err


@pytest.mark.usefixtures("hostile")
def test_an_error_that_is_no_exception_shows_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the command with three lines, and its text, which may hold a secret, is not shown."""
    ended = _ended_with("raise-foreign", tmp_path, monkeypatch)
    assert (1, "", 3) == (ended.code, ended.out, len(ended.err.splitlines()))
    assert "unexpected ForeignError" in ended.err


@pytest.mark.usefixtures("hostile")
def test_data_goes_to_stdout_wherever_a_plugin_has_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints before is seen on stderr, which still works after, and the data is whole."""
    ended = _ended_with("take-stdout", tmp_path, monkeypatch)
    assert (0, "seen\nseen too\n", "a") == (ended.code, ended.err, json.loads(ended.out)["key"])


@pytest.mark.usefixtures("hostile")
def test_a_ctrl_c_that_python_ignores_ends_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a signal's handler raises in a destructor, or while a module is loaded, is lost; so the signal comes again."""
    ended = _ended_with("interrupt-while-destroyed", tmp_path, monkeypatch)
    assert (130, "", "interrupted\n") == (ended.code, ended.out, ended.err)


@pytest.mark.usefixtures("hostile")
def test_what_a_plugin_prints_when_the_program_ends_is_not_data(tmp_path: Path) -> None:
    """Its exit handlers and threads go on after the command."""
    program = "import sys; sys.argv[0] = 'assetstore'; from assetstore.cli import main; main()"
    config = tmp_path / "assetstore.toml"
    config.write_text('default = "x"\n[stores.x]\nurl = "memory:"\nplugins = ["print-later"]\n')
    done = subprocess.run(
        [sys.executable, "-c", program, "list"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(hostile_plugins.DATA), "ASSETSTORE_CONFIG": str(config)},
    )
    assert (b"", b"at the end") == (done.stdout, done.stderr.splitlines()[-1])


def _ended_with(plugin: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> hostile_plugins.Ended:
    """Run ``stat`` for an asset of a folder with an observer."""
    monkeypatch.chdir(folder)
    open_store("./assets").upload(b"x", "a")
    Path("assetstore.toml").write_text(f'default = "x"\n[stores.x]\nurl = "./assets"\nplugins = ["{plugin}"]\n')
    return hostile_plugins.run("--json", "stat", "a")


class Raising:
    """Raises, or raises a signal, whenever it observes."""

    def __init__(self, what: Any) -> None:
        self.what = what

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Raise it."""
        if isinstance(self.what, signal.Signals):
            signal.raise_signal(self.what)
        raise self.what


def test_an_observer_cannot_end_the_program() -> None:
    """SystemExit of an observer, with whatever code, is logged as any other failure."""
    store = AssetStore(MemoryBackend(), plugins=[Raising(SystemExit(0))])
    assert "a" == store.upload(b"x", "a").key


def test_what_a_signal_brings_passes_an_observer() -> None:
    """A program that is asked to end while an observer runs ends: the handler's SystemExit is not the plugin's."""

    def end(*_: object) -> None:
        sys.exit(7)

    store = AssetStore(MemoryBackend(), plugins=[Raising(signal.SIGUSR1)])
    before = signal.signal(signal.SIGUSR1, end)
    try:
        with pytest.raises(SystemExit) as caught:
            store.upload(b"x", "a")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert 7 == caught.value.code


def test_ctrl_c_passes_an_observer_and_a_backend() -> None:
    """Python's own handler leaves no trace, so outside of the command line every KeyboardInterrupt counts as Ctrl-C."""

    class Interrupted(MemoryBackend):
        @hookimpl
        def assetstore_stat(self, key: str, options: object) -> Any:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for store in (AssetStore(MemoryBackend(), plugins=[Raising(signal.SIGINT)]), AssetStore(Interrupted())):
            with pytest.raises(KeyboardInterrupt):
                store.stat("a")
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_the_callers_stream_raises_passes_a_backend() -> None:
    """The error of a user's iterator or callback is the user's, of whatever class."""

    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise LookupError("mine")

    def stop(_: int) -> None:
        raise LookupError("mine")

    store = AssetStore(MemoryBackend())
    for source, progress in ((pieces(), None), (b"abc", stop)):
        with pytest.raises(LookupError, match="mine"):
            store.upload(source, "a", progress=progress)
    assert not store.exists("a")


def test_a_plugin_that_does_not_return_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody watches, the report comes on another thread, and the plugin goes on."""
    monkeypatch.setattr(plugin_faults, "PATIENCE", 0.01)
    reported = threading.Event()
    texts: list[str] = []

    def report(text: str) -> None:
        texts.append(text)
        reported.set()

    with plugin_faults.watching(report):
        assert plugin_faults.watched(lambda: reported.wait(600), lambda: "it has not returned")()
    assert ["it has not returned for 0.01 s"] == texts


def test_who_is_not_watched_is_called_directly() -> None:
    """A library that nobody watches takes no time for it."""
    assert print is plugin_faults.watched(print, str)


def test_a_plugin_of_the_programs_own_is_named_by_its_module() -> None:
    """Distribution and version are those of the package that its class is from, if it is an installed one."""
    assert "plugin 'mine'" == described("mine", Raising(None))
    assert described("mine", MemoryBackend()).startswith("plugin 'mine' (assetstore ")
    assert described("memory").startswith("plugin 'memory' (assetstore ")


def test_a_wrapper_is_not_blamed_for_the_layer_below() -> None:
    """The innermost layer in the traceback raised it."""

    class Passing(Wrapper):
        @hookimpl
        def assetstore_stat(self, key: str, options: Any) -> Any:
            return self.inner.assetstore_stat(key=key, options=options)

    class Broken(MemoryBackend):
        @hookimpl
        def assetstore_stat(self, key: str, options: Any) -> Any:
            raise RuntimeError("no")

    store = AssetStore(("low", Broken()), wrappers=[("high", Passing)])
    with pytest.raises(PluginError, match=r"plugin 'low' failed in assetstore_stat: RuntimeError"):
        store.stat("a")


def test_a_body_that_breaks_while_it_is_read_names_its_plugin() -> None:
    """The bytes come after the hook has returned, and their failures are its plugin's all the same, also in a copy."""

    class Body(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise RuntimeError("no")

    class Broken(MemoryBackend):
        @hookimpl
        def assetstore_read(self, key: str, options: Any) -> Any:
            stream = super().assetstore_read(key, options)
            return attrs.evolve(stream, body=Body())

        @hookimpl
        def assetstore_copy(self, source: str, destination: str, options: Any) -> Any:
            return None

    store = AssetStore(("broken", Broken()))
    store.upload(b"x", "a")
    for call in (lambda: store.read("a"), lambda: store.copy("a", "b")):
        with pytest.raises(PluginError, match=r"plugin 'broken' failed in assetstore_read: RuntimeError"):
            call()


def test_what_the_callers_callback_raises_passes_a_download(tmp_path: Path) -> None:
    """Of whatever class it is, and although the backend called it."""

    def stop(_: int) -> None:
        raise LookupError("mine")

    store = open_store(f"file://{tmp_path}/assets")
    store.upload(b"abc", "a")
    with pytest.raises(LookupError, match="mine"):
        store.download("a", tmp_path / "a", progress=stop)
    assert not (tmp_path / "a").exists()
