"""Objects made on first use, once in each process."""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable

import pytest

from assetstore.per_process import _forget_all
from assetstore.plugin import PerProcess


def in_a_fork(answer: Callable[[], object]) -> object:
    """Return what ``answer`` returns in a forked child."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=lambda: theirs.send(answer()))
    with warnings.catch_warnings():
        # Python warns of every fork beside other threads; that such a child works is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    assert ours.poll(600)
    received = ours.recv()
    child.join()
    ours.close()
    theirs.close()
    return received


def test_nothing_is_made_before_it_is_asked_for():
    """Creating the holder does not make the object."""
    made = []
    holder = PerProcess(lambda: made.append(1))
    assert [] == made
    holder.get()
    assert [1] == made


def test_threads_share_one_thing():
    """Threads that ask at the same time get the same object, made once."""
    start, made, got = threading.Barrier(8), [], []

    def make() -> object:
        made.append(object())
        return made[-1]

    holder = PerProcess(make)

    def ask() -> None:
        start.wait()
        got.append(holder.get())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made * 8 == got
    assert 1 == len(made)


def test_a_second_thread_waits_for_the_first_to_make_it():
    """A second thread waits for the object that the first one is making."""
    making, go_on, made = threading.Event(), threading.Event(), []

    def make() -> int:
        making.set()
        assert go_on.wait(600)
        made.append(1)
        return len(made)

    holder, got = PerProcess(make), []
    threads = [threading.Thread(target=lambda: got.append(holder.get())) for _ in range(2)]
    threads[0].start()
    assert making.wait(600)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert [1, 1] == got


def test_a_failure_is_not_kept():
    """When making fails the next call tries again."""
    answers = [ValueError("not yet"), "ready"]

    def make() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    holder = PerProcess(make)
    with pytest.raises(ValueError, match="not yet"):
        holder.get()
    assert "ready" == holder.get()


def test_a_thing_that_is_false_is_made_once():
    """``None`` is an object like any other."""
    made = []
    holder = PerProcess(lambda: made.append(1))
    assert (None, None, [1]) == (holder.get(), holder.get(), made)


def test_a_popped_thing_is_forgotten():
    """Popping returns the object once; the next call makes another."""
    holder = PerProcess(object)
    assert holder.pop() is None
    first = holder.get()
    assert first is holder.pop()
    assert holder.pop() is None
    assert first is not holder.get()


def test_a_forked_child_makes_its_own():
    """The child does not use the parent's object, and the parent keeps it."""
    holder = PerProcess(os.getpid)
    assert os.getpid() == holder.get()
    child = in_a_fork(lambda: (holder.pop(), holder.get(), os.getpid()))
    assert (None, child[2], child[2]) == child
    assert os.getpid() == holder.get() != child[2]


def test_a_child_asks_without_popping_first():
    """The first call in a child makes an object even where the parent has one."""
    holder = PerProcess(os.getpid)
    holder.get()
    made, pid = in_a_fork(lambda: (holder.get(), os.getpid()))
    assert pid == made


def test_what_runs_in_a_child_first_forgets_every_thing():
    """A fork empties all holders, so that no thread of the child gets an object of the parent."""
    holders = [PerProcess(object) for _ in range(3)]
    before = [holder.get() for holder in holders]
    _forget_all()
    assert [False] * 3 == [holder.get() in before for holder in holders]


def test_threads_of_a_forked_child_share_one_thing():
    """The first threads to ask in a child get the same object, made once."""
    holder = PerProcess(object)
    holder.get()

    def ask() -> int:
        got, start = [], threading.Barrier(8)
        threads = [threading.Thread(target=lambda: (start.wait(), got.append(holder.get()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(set(map(id, got)))

    assert [1] * 5 == [in_a_fork(ask) for _ in range(5)]


def test_making_may_lead_to_asking():
    """A call during the making on the same thread does not block, and one object is kept."""

    def make() -> list[object]:
        return [] if made.append(1) or len(made) > 1 else [holder.get()]

    made: list[int] = []
    holder = PerProcess(make)
    assert holder.get() is holder.get()
    assert 2 == len(made)


def test_a_fork_while_a_thread_makes_the_thing_does_not_block_the_child():
    """The child does not wait for a lock held by a thread of the parent."""
    parent, making, go_on = os.getpid(), threading.Event(), threading.Event()

    def make() -> int:
        if os.getpid() == parent:
            making.set()
            assert go_on.wait(600)
        return os.getpid()

    holder = PerProcess(make)
    thread = threading.Thread(target=holder.get)
    thread.start()
    assert making.wait(600)
    made, pid = in_a_fork(lambda: (holder.get(), os.getpid()))
    go_on.set()
    thread.join()
    assert pid == made
