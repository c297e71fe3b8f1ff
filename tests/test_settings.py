"""A plugin's settings are validated against its attrs fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import pytest

from assetstore import ConfigError
from assetstore.plugin import secret
from assetstore.settings import Text, build, check_settings, secret_names

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
        ({"token": Text("t")}, "t"),
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
