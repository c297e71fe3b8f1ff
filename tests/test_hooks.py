"""The contract between core and plugins: every hook is documented in one order, and its example runs."""

from __future__ import annotations

import inspect
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import quote

import attrs
import pluggy
import pytest

from assetstore import Event, UploadedPart, plugin
from assetstore.hooks import OPTIONAL, PROJECT, REQUIRED
from assetstore.plugin import EndPartsOptions, Hooks, NameOptions, NewAsset, PartsOptions, Source, UploadOptions

HOOKS = {name: hook for name, hook in vars(Hooks).items() if not name.startswith("_")}
EACH_HOOK = pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
PARTS = ("Called ", "Given: ", "Must: ", "Returns ", "Example::")
NOW = datetime(2025, 6, 18, 14, 30, 22, tzinfo=UTC)
OPTIONS = {
    NameOptions: NameOptions(content_type="image/png", category="images", size=3, digest=lambda: "0" * 64),
    PartsOptions: PartsOptions(upload_id="upload-1"),
    EndPartsOptions: EndPartsOptions(upload_id="upload-1", parts=(UploadedPart(number=1, etag="e"),)),
}
"""The options that need a value."""


def example(hook: object) -> object:
    """Run the example of a hook's docstring with the names of ``assetstore.plugin`` and return an object of its class."""
    namespace = {name: getattr(plugin, name) for name in plugin.__all__}
    namespace |= {"io": io, "os": os, "datetime": datetime, "UTC": UTC, "timedelta": timedelta, "quote": quote, "Path": Path}
    before = set(namespace)
    exec(inspect.cleandoc(inspect.getdoc(hook).partition("Example::")[2]), namespace)
    [name] = namespace.keys() - before - {"__builtins__"}
    return namespace[name]()


def option_classes() -> list[type]:
    """Return each class that some hook takes as ``options``."""
    found = {get_type_hints(hook).get("options") for hook in HOOKS.values()}
    return sorted(found - {None}, key=lambda options: options.__name__)


def arguments(hook: object, folder: object) -> dict[str, object]:
    """Return an argument for each parameter of a hook, which fits the examples."""
    event = Event(
        op="read", key="a", store="dev", bytes=3, seconds=0.5, outcome="ok", error=None, attempts=1, time=NOW
    )
    known = {"key": "a", "keys": ["a", "b"], "prefix": "", "filename": "a.png", "destination": "b", "event": event}
    known |= {"path": folder / "a", "source": "a" if "copy" in hook.__name__ else Source(b"abc")}
    known["items"] = [NewAsset(key="a", source=Source(b"abc"), options=UploadOptions())]
    options = get_type_hints(hook).get("options")
    known["options"] = OPTIONS[options] if options in OPTIONS else options and options()
    return {parameter: known[parameter] for parameter in inspect.signature(hook).parameters if parameter != "self"}


@EACH_HOOK
def test_a_hook_is_documented_in_one_order(hook):
    """Summary, when it is called, what is given, what it must, what it returns, an example: one paragraph each."""
    paragraphs = inspect.getdoc(hook).split("\n\n")[1:]
    begins = [part for part, paragraph in zip(PARTS, paragraphs, strict=False) if paragraph.startswith(part)]
    assert list(PARTS) == begins


@EACH_HOOK
def test_a_summary_is_one_imperative_sentence(hook):
    """It is one line, imperative, and ends in a full stop."""
    summary = inspect.getdoc(hook).split("\n\n")[0]
    assert "\n" not in summary
    assert summary.endswith(".")
    assert not summary.split()[0].endswith("s")


@EACH_HOOK
def test_a_hook_says_what_none_means(hook):
    """The paragraph on results speaks of ``None``, which the annotation allows."""
    [returns] = [part for part in inspect.getdoc(hook).split("\n\n") if part.startswith("Returns ")]
    assert "``None``" in returns
    result = get_type_hints(hook)["return"]
    assert result is NoneType or NoneType in get_args(result)


@EACH_HOOK
def test_an_example_fits_the_hooks(hook):
    """The class that the example defines registers, and implements the hook that it is about."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    plugin = example(hook)
    manager.register(plugin)
    manager.check_pending()
    assert hook.__name__ in [caller.name for caller in manager.get_hookcallers(plugin)]


@EACH_HOOK
def test_an_example_returns_what_the_hook_promises(hook, tmp_path, monkeypatch):
    """Called as the store calls it, the example returns the annotated type."""
    monkeypatch.setenv("SIGNING_KEY", "k" * 32)
    result = getattr(example(hook), hook.__name__)(**arguments(hook, tmp_path))
    promised = get_type_hints(hook)["return"]
    kinds = [object if kind is Any else get_origin(kind) or kind for kind in get_args(promised) or [promised]]
    assert isinstance(result, tuple(kinds))
    assert (result is None) == (promised is NoneType)


@EACH_HOOK
def test_a_hook_has_neither_defaults_nor_keyword_only_parameters(hook):
    """Pluggy would fail on them when the hook is called."""
    parameters = inspect.signature(hook).parameters.values()
    assert [] == [parameter.name for parameter in parameters if parameter.default is not inspect.Parameter.empty]
    assert {inspect.Parameter.POSITIONAL_OR_KEYWORD} == {parameter.kind for parameter in parameters}


@EACH_HOOK
def test_options_come_last(hook):
    """Operations take one or two nouns and then one object of options."""
    names = list(inspect.signature(hook).parameters)
    assert "options" not in names[:-1]
    assert len(names) <= 4


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_an_operation_has_one_owner_and_takes_options(name):
    """The first result counts, and options leave room for new fields."""
    hook = HOOKS[f"assetstore_{name}"]
    assert hook.assetstore_spec["firstresult"]
    assert "options" == list(inspect.signature(hook).parameters)[-1]


@pytest.mark.parametrize("options_class", option_classes(), ids=lambda options_class: options_class.__name__)
def test_options_are_frozen_and_taken_by_keyword(options_class):
    """A plugin cannot change what the next one sees, and a new field shifts no other."""
    options = options_class.__new__(options_class)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.anything = 1
    assert all(field.kw_only for field in attrs.fields(options_class))


def test_every_hook_is_marked_as_one():
    """Pluggy knows each method of the class as a specification."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    assert set(HOOKS) == set(vars(manager.hook)) - {"__dict__"}
