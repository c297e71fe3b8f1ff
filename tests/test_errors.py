"""The error tree: as drawn, picklable, and showing what failed, why and what to do next."""

from __future__ import annotations

import copy
import errno
import inspect
import pickle
import re

import pytest

from assetstore import AssetStoreError, ConfigError, NoSpaceError, NotFoundError, UnavailableError, errors
from assetstore.errors import AccessDeniedError, AlreadyExistsError

CLASSES = [
    value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, AssetStoreError)
]
EACH_CLASS = pytest.mark.parametrize("error_class", CLASSES, ids=lambda error_class: error_class.__name__)
LINE = re.compile(r"^ *(?P<lead>[│ ]*)[├└]─ (?P<name>\w+)(?: \((?P<builtin>\w+)\))?")


def drawn() -> dict[str, tuple[str, str | None]]:
    """Return for each class in the module's drawing its parent and the class of Python's own that it inherits."""
    tree, path = {}, [(-1, "AssetStoreError")]
    for match in filter(None, map(LINE.match, inspect.getdoc(errors).splitlines())):
        while path[-1][0] >= match.start("name"):
            path.pop()
        tree[match["name"]] = (path[-1][1], match["builtin"])
        path.append((match.start("name"), match["name"]))
    return tree


def real() -> dict[str, tuple[str, str | None]]:
    """Return the same for the classes as they are."""
    tree = {}
    for error_class in CLASSES:
        ours = [base.__name__ for base in error_class.__bases__ if issubclass(base, AssetStoreError)]
        builtin = [base.__name__ for base in error_class.__bases__ if not issubclass(base, AssetStoreError)]
        if ours:
            tree[error_class.__name__] = (ours[0], builtin[0] if builtin else None)
    return tree


def test_the_tree_is_as_drawn():
    """The drawing in the module's docstring shows every class, its parent and the class of Python's own."""
    assert drawn() == real()


@EACH_CLASS
def test_an_error_survives_pickling_and_copying(error_class):
    """It survives pickling with all its fields."""
    error = error_class("it is gone", hint="look again", op="read", key="a/b", store="dev")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(error), str(error), error.args, vars(error)) == (type(other), str(other), other.args, vars(other))


class DroppedError(NotFoundError):
    """An error of a plugin, made without arguments."""

    def __init__(self) -> None:
        super().__init__("it was dropped", hint="begin again", key="a")


class TornError(UnavailableError):
    """An error of a plugin, made from arguments of its own."""

    def __init__(self, names: tuple[str, ...], *, after: float) -> None:
        super().__init__(f"{'/'.join(names)} is torn", retry_after=after)
        self.names = names


@pytest.mark.parametrize("error", [DroppedError(), TornError(("a", "b"), after=2.5)])
def test_an_error_of_a_plugin_survives_too_however_it_is_made(error):
    """One that did not would break or hang the pool of processes in which a task raised it."""
    error.store = "dev"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(error), str(error), error.args, vars(error)) == (type(other), str(other), other.args, vars(other))


@EACH_CLASS
def test_only_unavailable_is_retryable(error_class):
    """Only one class is retryable."""
    assert (error_class is UnavailableError) == error_class.retryable


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({}, "it is gone"),
        ({"hint": "look again"}, "it is gone; look again"),
        ({"op": "read"}, "read: it is gone"),
        ({"key": "a/b"}, "'a/b': it is gone"),
        ({"store": "dev"}, "(store dev): it is gone"),
        ({"op": "list", "key": "", "store": "dev"}, "list '' (store dev): it is gone"),
        (
            {"op": "read", "key": "a\nb", "store": "dev", "hint": "look again"},
            r"read 'a\nb' (store dev): it is gone; look again",
        ),
    ],
)
def test_an_error_says_what_failed_why_and_what_to_do_next(context, text):
    """Operation, key and store come first, the hint last, and a key cannot break the line."""
    assert text == str(NotFoundError("it is gone", **context))


@pytest.mark.parametrize(
    ("error_class", "number"),
    [
        (NotFoundError, errno.ENOENT),
        (errors.StoreNotFoundError, errno.ENOENT),
        (AlreadyExistsError, errno.EEXIST),
        (AccessDeniedError, errno.EACCES),
        (NoSpaceError, errno.ENOSPC),
    ],
)
def test_errors_of_the_system_carry_its_number(error_class, number):
    """Code written for files reads ``errno``."""
    assert number == error_class("no").errno


def test_unavailable_may_say_how_long_to_wait():
    """The wait that the store asked for survives pickling."""
    assert 2.5 == pickle.loads(pickle.dumps(UnavailableError("busy", retry_after=2.5))).retry_after
    assert UnavailableError("busy").retry_after is None


def test_a_config_error_lists_its_problems():
    """Without a list its message is the one problem."""
    assert ("a", "b") == ConfigError("two mistakes", problems=("a", "b")).problems
    assert ("one mistake",) == ConfigError("one mistake").problems
