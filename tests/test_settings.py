"""A plugin's settings are validated against its attrs fields."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import pytest

from assetstore import ConfigError
from assetstore.plugin import SigningKeys, secret
from assetstore.settings import SecretText, Text, build, check_settings, secret_names, suggestion

if TYPE_CHECKING:
    from nowhere import Elsewhere  # type: ignore[import-not-found]  # an annotation that cannot be resolved


@attrs.define(eq=False, kw_only=True)
class Plugin:
    """Has a field of every kind."""

    name: str
    count: int = 1
    ratio: float | None = None
    fast: bool = False
    folder: Path | None = None
    tags: tuple[str, ...] = ()
    labels: Mapping[str, str] = attrs.field(factory=dict)
    mode: Literal["a", "b"] = "a"
    anything: Any = None
    token: str | None = secret(default=None)
    _state: int = attrs.field(init=False, default=0)


HERE = Path("/base")


def good(**settings: object) -> object:
    """Return the converted value of the one setting beside ``name``."""
    (key,) = settings
    converted, problems = check_settings(Plugin, {"name": "x", **settings}, folder=HERE)
    assert [] == problems
    return converted[key]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"count": 7}, 7),
        ({"count": Text("7")}, 7),
        ({"ratio": 2}, 2.0),
        ({"ratio": Text("2.5")}, 2.5),
        ({"ratio": None}, None),
        ({"fast": Text("On")}, True),
        ({"fast": False}, False),
        ({"folder": "down"}, HERE / "down"),
        ({"folder": Path("/abs")}, Path("/abs")),
        ({"tags": ["a", "b"]}, ("a", "b")),
        ({"labels": {"a": "b"}}, {"a": "b"}),
        ({"mode": "b"}, "b"),
        ({"anything": 3 + 4j}, 3 + 4j),
        ({"token": Text("t")}, SecretText("t")),
    ],
)
def test_a_value_gets_the_type_of_its_field(setting: dict[str, object], expected: object) -> None:
    """TOML, a URL and an environment variable give the same value."""
    value = good(**setting)
    assert (expected, type(expected)) == (value, type(value))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "name: missing"),
        ({"name": "x", "cuont": 1}, "cuont: unknown (did you mean 'count'?)"),
        ({"name": "x", "count": True}, "count: must be a whole number, got true or false"),
        ({"name": "x", "count": "7"}, "count: must be a whole number, got a text"),
        ({"name": "x", "count": Text("many")}, "count: must be a whole number"),
        ({"name": "x", "ratio": "2"}, "ratio: must be a number, got a text"),
        ({"name": "x", "ratio": Text("wide")}, "ratio: must be a number"),
        ({"name": "x", "fast": Text("perhaps")}, "fast: must be true or false"),
        ({"name": "x", "folder": 7}, "folder: must be a path, got a whole number"),
        ({"name": "x", "tags": "a"}, "tags: must be a list, got a text"),
        ({"name": "x", "tags": [1]}, "tags: must be a text, got a whole number"),
        ({"name": "x", "labels": []}, "labels: must be a table, got a list"),
        ({"name": None}, "name: must be a text, got nothing"),
    ],
)
def test_a_mistake_is_told_and_the_value_is_not(settings: dict[str, object], expected: str) -> None:
    """Each mistake names its setting."""
    assert [expected] == check_settings(Plugin, settings, folder=HERE)[1]


def test_a_factory_that_is_no_attrs_class_takes_no_settings() -> None:
    """There is nothing to check them against."""
    assert ({}, ["x: unknown"]) == check_settings(dict, {"x": 1}, folder=HERE)


def test_an_annotation_that_cannot_be_resolved_accepts_anything() -> None:
    """A plugin that imports types for its type checker alone still works."""

    @attrs.define(eq=False)
    class Odd:
        thing: Elsewhere

    assert ({"thing": 7}, []) == check_settings(Odd, {"thing": 7}, folder=HERE)


def test_what_a_factory_refuses_is_reported_without_its_secrets() -> None:
    """A validator that prints the value does not print a secret."""

    @attrs.define(eq=False, kw_only=True)
    class Picky:
        token: str = secret()
        other: str = "x"

        def __attrs_post_init__(self) -> None:
            if self.other == "bad":
                raise ConfigError("two", problems=("one", "two"))
            if len(self.token) > 3:
                raise ValueError(f"{self.token} is too long")

    made, problems = build(Picky, {"token": "geheim"})
    assert (None, ["*** is too long"]) == (made, problems)
    assert (None, ["one", "two"]) == build(Picky, {"token": "abc", "other": "bad"})
    assert {"token"} == secret_names(Picky)


def test_a_secret_hides_in_the_repr_and_its_absence_does_not() -> None:
    """Whether one is set may be seen."""
    assert "token='***'" in repr(Plugin(name="x", token="geheim"))
    assert "token=None" in repr(Plugin(name="x"))


def test_a_secret_is_a_field_with_a_mark() -> None:
    """Its arguments are those of an attrs field; metadata of its own stay beside the mark."""

    @attrs.define(eq=False, kw_only=True)
    class Marked:
        token: str | None = secret(default=None, metadata={"mine": 1}, alias="key")
        plain: str = "x"

    field = attrs.fields(Marked).token
    assert {"mine": 1, "assetstore.secret": True} == dict(field.metadata)
    assert ("Marked(token=None, plain='x')", None) == (repr(Marked()).rpartition(".")[2], Marked().token)
    assert "Marked(token='***', plain='x')" == repr(Marked(key="geheim")).rpartition(".")[2]
    assert {"key"} == secret_names(Marked)
    assert ({"key": "k"}, ["token: unknown"]) == check_settings(Marked, {"key": "k", "token": "t"}, folder=HERE)


def test_what_wraps_another_store_is_no_setting() -> None:
    """The field ``inner`` of a wrapper is given by the store."""

    @attrs.define(eq=False)
    class Wrapping:
        inner: object
        level: int = 1

    assert ({"level": 2}, ["inner: unknown"]) == check_settings(Wrapping, {"level": 2, "inner": 1}, folder=HERE)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("cuont", ["count", "counts", "mode"], " (did you mean 'count'?)"),
        ("xyz", ["count"], ""),
        ("count", [], ""),
    ],
)
def test_the_nearest_name_is_suggested(name: str, known: list[str], expected: str) -> None:
    """One name, if any is similar."""
    assert expected == suggestion(name, known)


def test_other_names_of_the_table_are_suggested_too() -> None:
    """A table may have keys that are not the factory's."""
    assert ["wrapers: unknown (did you mean 'wrappers'?)"] == check_settings(
        Plugin, {"name": "x", "wrapers": []}, folder=HERE, known=("wrappers",)
    )[1]


def test_every_mistake_is_found() -> None:
    """Behind a mistake the other settings are checked and converted as well."""
    converted, problems = check_settings(Plugin, {"x": 1, "count": "a", "ratio": 1, "fast": 0, "mode": "b"}, folder=HERE)
    assert {"ratio": 1.0, "mode": "b"} == converted
    expected = ["x: unknown", "count: must be a whole number, got a text", "fast: must be true or false, got a whole number"]
    assert [*expected, "name: missing"] == problems


def test_a_list_or_a_table_gets_the_types_of_its_field() -> None:
    """Paths in a list start at the folder of the table; a text of the environment becomes plain text."""

    @attrs.define(eq=False)
    class Lists:
        folders: tuple[Path, ...] = ()
        either: int | Path | None = None
        name: str = ""
        when: bytes = b""

    assert ({"folders": (HERE / "a", Path("/b"))}, []) == check_settings(Lists, {"folders": ["a", "/b"]}, folder=HERE)
    assert ({"either": HERE / "7"}, []) == check_settings(Lists, {"either": "7"}, folder=HERE)
    assert ({"either": 7}, []) == check_settings(Lists, {"either": Text("7")}, folder=HERE)
    assert ["either: must be a path, got a list"] == check_settings(Lists, {"either": []}, folder=HERE)[1]
    assert ["when: must be bytes, got a text"] == check_settings(Lists, {"when": Text("x")}, folder=HERE)[1]
    assert ["name: must be a text, got complex"] == check_settings(Lists, {"name": 1j}, folder=HERE)[1]
    assert ["name: must be a text, got a table"] == check_settings(Lists, {"name": {}}, folder=HERE)[1]
    assert ["name: must be a text, got a number"] == check_settings(Lists, {"name": 1.5}, folder=HERE)[1]
    converted, _ = check_settings(Lists, {"name": Text("x")}, folder=HERE)
    assert ("x", str) == (converted["name"], type(converted["name"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [(word, True) for word in ("1", "true", "YES", " on ")] + [(word, False) for word in ("0", "False", "no", "off")],
)
def test_each_word_for_yes_and_no_is_understood(text: str, expected: bool) -> None:
    """In any case, with blanks around it."""
    assert expected is good(fast=Text(text))


def test_a_factory_that_fails_is_reported_with_its_hint() -> None:
    """A hint follows each problem; errors of types are mistakes too; other secrets are not looked for."""

    @attrs.define(eq=False, kw_only=True)
    class Failing:
        token: str | None = secret(default=None)
        kind: str = "x"

        def __attrs_post_init__(self) -> None:
            if self.kind == "hint":
                raise ConfigError("one", hint="do this")
            raise TypeError(f"no {self.kind}, {self.token}")

    assert (None, ["one; do this"]) == build(Failing, {"kind": "hint"})
    assert (None, ["no x, None"]) == build(Failing, {})
    assert (None, ["no XX, ***"]) == build(Failing, {"kind": "XX", "token": "t"})


def test_a_secret_is_shown_by_no_repr_and_in_no_pickle() -> None:
    """A dump of a plugin, of its fields or of a traceback's variables has stars; pickling it is refused."""
    made = good(token="hunter2")
    plugin = Plugin(name="x", token="hunter2")
    assert "hunter2" not in repr((made, plugin, attrs.asdict(plugin)))
    for secret_thing in (plugin, SecretText("hunter2"), SigningKeys.of(["hunter2" * 5])):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secret_thing)
    assert "hunter2" == copy.deepcopy(SecretText("hunter2")) == copy.copy(SecretText("hunter2"))
