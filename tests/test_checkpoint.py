"""The notes of large transfers: what one process wrote, another reads; of two at once, one has them."""

from __future__ import annotations

import os
import time

import pytest

from assetstore import IntegrityError, UnavailableError
from assetstore.content.checkpoint import any_left, opened


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return the folder that will hold the notes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "assetstore" / "transfers"


def transfer(name="a", *, least=10):
    """Open the checkpoint of a transfer."""
    return opened((name,), lambda *_: None, least=least)


def interrupted(error=KeyboardInterrupt):
    """Begin a transfer, do two parts, and end by an error."""
    with pytest.raises(error), transfer() as checkpoint:
        _begin_and_raise(checkpoint, error)


def _begin_and_raise(checkpoint, error=KeyboardInterrupt):
    checkpoint.begin(10, id="x")
    checkpoint.note(1, "one")
    checkpoint.note(2, "two")
    raise error("ended")


def _find_leftover_and_raise(checkpoint):
    assert (False, {"id": "x"}, {}) == (checkpoint.resumes(10), checkpoint.begun, checkpoint.parts)
    checkpoint.note_leftover(id="y")
    raise KeyboardInterrupt


def _note_and_raise(checkpoint):
    checkpoint.note(3, "three")
    raise KeyboardInterrupt


@pytest.mark.parametrize("error", [KeyboardInterrupt, UnavailableError])
def test_notes_outlive_an_interruption(error):
    """After Ctrl-C, or when the store could not be reached, the next run finds the notes; other transfers do not."""
    interrupted(error)
    with transfer() as checkpoint:
        assert ({"id": "x"}, {1: "one", 2: "two"}) == (checkpoint.begun, checkpoint.parts)
        with transfer("b") as other:
            assert {} == other.begun


@pytest.mark.parametrize("error", [IntegrityError, RuntimeError])
def test_an_error_that_would_come_again_drops_the_notes(folder, error):
    """What was wrong is not gone on with."""
    interrupted(error)
    assert [] == list(folder.iterdir())


def test_a_transfer_that_ends_well_leaves_nothing(folder):
    """Neither notes nor a file."""
    interrupted()
    assert any_left()
    with transfer():
        pass
    assert ([], False) == (list(folder.iterdir()), any_left())


def test_a_small_transfer_has_no_notes(folder):
    """What is smaller than the least size begins anew."""
    with pytest.raises(KeyboardInterrupt), transfer(least=11) as checkpoint:
        _begin_and_raise(checkpoint)
    assert [] == list(folder.iterdir())


def test_what_a_killed_small_transfer_left_is_found(folder):
    """The next one finds the note of it; its parts are not noted, and each other end of it drops the note."""
    with transfer(least=11) as checkpoint:
        checkpoint.note_leftover(id="x")
        checkpoint.note(1, "one")
        (notes,) = folder.iterdir()
        left = notes.read_bytes()  # as a kill would leave it
    assert [] == list(folder.iterdir())
    notes.write_bytes(left)
    assert not any_left()  # it does not go on
    with pytest.raises(KeyboardInterrupt), transfer(least=11) as checkpoint:
        _find_leftover_and_raise(checkpoint)
    assert [] == list(folder.iterdir())


def test_of_two_at_once_one_has_the_notes():
    """The other works without, and disturbs nothing."""
    with transfer() as first:
        first.begin(10, id="x")
        with transfer() as second:
            assert second is None
        assert {"id": "x"} == first.begun


def test_a_late_thread_writes_nowhere(tmp_path):
    """A part that ends after the transfer is not noted in whatever file has the number of the old one by then."""
    with transfer() as checkpoint:
        checkpoint.begin(10, id="x")
    with (tmp_path / "another").open("wb"):
        checkpoint.note(1, "one")
    assert b"" == (tmp_path / "another").read_bytes()


@pytest.mark.parametrize("harm", ["cut", "foreign", "binary", "infinite", "deep"])
def test_damaged_notes_are_no_error(folder, harm):
    """Of a file that a kill cut off the whole lines count; what is not notes counts as none."""
    interrupted()
    (file,) = folder.iterdir()
    data = file.read_bytes()
    whole = {"cut": data[:-2], "foreign": b'["a"]\n[1, 2, 3]\n', "binary": os.urandom(99) + b"\n"}
    whole |= {"infinite": b'{}\n[Infinity, "one"]\n', "deep": b"[" * 200_000 + b"\n"}
    file.write_bytes(whole[harm])
    with transfer() as checkpoint:
        assert ({1: "one"} if harm == "cut" else {}) == checkpoint.parts
        checkpoint.begin(10, id="y")
        assert {"id": "y"} == checkpoint.begun


def test_a_note_that_was_cut_off_harms_no_later_one(folder):
    """What is noted after a kill or a full disk is read as well as what was noted before."""
    interrupted()
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(KeyboardInterrupt), transfer() as checkpoint:
        _note_and_raise(checkpoint)
    with transfer() as checkpoint:
        assert ({"id": "x"}, {1: "one", 3: "three"}) == (checkpoint.begun, checkpoint.parts)


def test_old_notes_are_swept(folder):
    """Notes of more than a week are of no use, since services end such uploads by then."""
    interrupted()
    (file,) = folder.iterdir()
    os.utime(file, (time.time() - 8 * 86_400,) * 2)
    with transfer("b"):
        assert file not in list(folder.iterdir())


def test_without_a_place_for_notes_nothing_fails(tmp_path, monkeypatch):
    """Where the folder cannot be made, a transfer goes without notes."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with transfer() as checkpoint:
        assert checkpoint is None
    assert not any_left()
