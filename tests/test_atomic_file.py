"""Files that appear whole, or not at all."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from assetstore import (
    AccessDeniedError,
    AlreadyExistsError,
    BackendError,
    InvalidKeyError,
    InvalidOptionError,
    NoSpaceError,
)
from assetstore.content.atomic_file import replacing


def test_a_file_appears_when_it_is_complete(tmp_path):
    """Until the block ends the path is as it was; missing folders are made; nothing else is left."""
    path = tmp_path / "new/folder/file"
    with replacing(path) as temporary:
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert (b"new", [path]) == (path.read_bytes(), list(path.parent.iterdir()))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file(tmp_path, error):
    """Whatever exception ends the block, the old file stays and the unfinished one is removed."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as temporary:
        _write_half_and_raise(temporary, error)
    assert (b"old", [path]) == (path.read_bytes(), list(tmp_path.iterdir()))


def _write_half_and_raise(path, error):
    path.write_bytes(b"half")
    raise error


def test_an_unfinished_file_is_its_owners_alone(tmp_path):
    """Nobody else can read it while it is written; finished, it has the mode of any new file."""
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "file") as temporary:
        assert 0o600 == stat.S_IMODE(temporary.stat().st_mode)
    assert (tmp_path / "usual").stat().st_mode == (tmp_path / "file").stat().st_mode


def test_a_symlink_is_followed(tmp_path):
    """The file that a symlink points to is replaced, and the link stays."""
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for data in (b"1", b"2"):
        with replacing(tmp_path / "link") as temporary:
            temporary.write_bytes(data)
        assert (data, True) == ((tmp_path / "file").read_bytes(), (tmp_path / "link").is_symlink())


def test_a_folder_or_a_pipe_is_refused(tmp_path):
    """Only a regular file is replaced."""
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path, "a directory"), (tmp_path / "pipe", "not a regular file")):
        with pytest.raises(InvalidOptionError) as caught, replacing(path):
            pytest.fail("it was opened")
        assert f"{str(path)!r} is {kind}; choose a file to write to" == str(caught.value)


def test_an_existing_file_is_kept_when_asked(tmp_path):
    """``overwrite=False`` writes a free path and refuses one that is taken, at the beginning or meanwhile."""
    path = tmp_path / "file"
    with replacing(path, overwrite=False) as temporary:
        temporary.write_bytes(b"first")
    with pytest.raises(AlreadyExistsError) as caught, replacing(path, overwrite=False):
        pytest.fail("it was opened")
    assert f"the file {str(path)!r} exists; choose another path or allow overwriting" == str(caught.value)
    other = tmp_path / "other"
    with pytest.raises(AlreadyExistsError) as caught, replacing(other, overwrite=False):
        other.write_bytes(b"theirs")
    assert f"the file {str(other)!r} exists; choose another path" == str(caught.value)
    assert (b"first", b"theirs", 2) == (path.read_bytes(), other.read_bytes(), len(list(tmp_path.iterdir())))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_no_space(tmp_path, number):
    """Each way of being full is NoSpaceError, which is an OSError, and nothing is left."""
    with pytest.raises(NoSpaceError) as caught, replacing(tmp_path / "file"):
        raise OSError(number, os.strerror(number))
    where = repr(str(tmp_path / "file"))
    assert f"cannot write {where}: {os.strerror(number)}; free some space" == str(caught.value)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *((errno.EACCES, AccessDeniedError), (errno.EROFS, AccessDeniedError), (errno.ENOTDIR, InvalidOptionError)),
        *((errno.ENAMETOOLONG, InvalidOptionError), (errno.EIO, BackendError), (errno.ESTALE, BackendError)),
    ],
)
def test_every_error_of_the_system_is_one_of_the_family(tmp_path, number, kind):
    """The error names the path as it was given, and has the system's error as its cause."""
    cause = OSError(number, os.strerror(number))
    with pytest.raises(kind, match=r"cannot write .*file': ") as caught, replacing(tmp_path / "file"):
        raise cause
    assert (cause, True, []) == (caught.value.__cause__, bool(caught.value.hint), list(tmp_path.iterdir()))


def test_errors_of_assetstore_and_bugs_pass(tmp_path):
    """Only errors of the system are explained."""
    for error in (NoSpaceError("full"), InvalidKeyError("odd"), ValueError("bug"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, replacing(tmp_path / "file"):
            raise error
        assert error is caught.value


def test_a_path_that_no_file_can_have_is_refused(tmp_path):
    """A parent that is a file, a name that is too long, has a NUL or is not Unicode are the caller's mistakes."""
    (tmp_path / "file").write_bytes(b"")
    below, long = tmp_path / "file" / "below", tmp_path / ("x" * 300)
    for path in (below, below / "below", long, "nul\0", "lone\ud800", "/dev/full"):
        with pytest.raises(InvalidOptionError), replacing(path):
            pytest.fail("it was opened")
    assert ["file"] == os.listdir(tmp_path)


def test_create_only_works_where_there_are_no_hard_links(tmp_path, monkeypatch):
    """A file system such as exFAT has no hard links; an existing file is still never replaced."""
    monkeypatch.setattr(os, "link", _refusing(errno.EPERM))
    with replacing(tmp_path / "file", overwrite=False) as path:
        path.write_bytes(b"abc")
    assert [("file", b"abc")] == [(path.name, path.read_bytes()) for path in tmp_path.iterdir()]
    with pytest.raises(FileExistsError), replacing(tmp_path / "late", overwrite=False):
        (tmp_path / "late").write_bytes(b"first")
    assert {"file": b"abc", "late": b"first"} == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_reserved_name_is_given_up_when_the_file_cannot_take_it(tmp_path, monkeypatch):
    """Without hard links, a rename that fails leaves neither an empty file nor the new one."""
    monkeypatch.setattr(os, "link", _refusing(errno.EPERM))
    monkeypatch.setattr(os, "replace", _refusing(errno.EIO))
    with pytest.raises(BackendError, match="refused"), replacing(tmp_path / "file", overwrite=False):
        pass
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_cannot_be_made_private_is_not_left(tmp_path, monkeypatch):
    """It has no byte yet, and nobody would look for it."""
    monkeypatch.setattr(os, "fstat", _refusing(errno.EIO))
    with pytest.raises(BackendError, match="refused"), replacing(tmp_path / "file"):
        pytest.fail("it was opened")
    monkeypatch.undo()
    assert [] == list(tmp_path.iterdir())


def test_a_link_that_fails_leaves_nothing(tmp_path, monkeypatch):
    """The error is told, and the new file is gone."""
    monkeypatch.setattr(os, "link", _refusing(errno.EIO))
    with pytest.raises(BackendError, match="refused"), replacing(tmp_path / "file", overwrite=False):
        pass
    assert [] == list(tmp_path.iterdir())


def test_a_file_is_no_folder(tmp_path):
    """A path below a file cannot be written, and the file stays."""
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(InvalidOptionError), replacing(tmp_path / "file" / "below"):
        pytest.fail("it was opened")
    assert b"old" == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("by_descriptor", [True, False])
def test_the_mode_is_set_where_the_system_knows_paths_alone(tmp_path, monkeypatch, by_descriptor):
    """Windows changes modes by the path; a descriptor is used wherever it can be."""
    used, chmod = [], os.chmod

    def note(target, mode):
        used.append((isinstance(target, int), mode))
        chmod(target, mode)

    monkeypatch.setattr(os, "chmod", note)
    monkeypatch.setattr(os, "supports_fd", {note} if by_descriptor else set())
    with replacing(tmp_path / "file"):
        pass
    usual = stat.S_IMODE((tmp_path / "file").stat().st_mode)
    assert [(by_descriptor, 0o600), (by_descriptor, usual)] == used


def _refusing(number):
    def refuse(*_):
        raise OSError(number, "refused")

    return refuse
