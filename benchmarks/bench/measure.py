"""Gives each contender its turn, in rounds that alternate, and keeps what each turn took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import attrs

from bench.peers import ROOT, Peer
from bench.server import Site, listings
from bench.works import LIBRARY, Contender, Work

Step = dict[str, Any]
SECONDS = 3600
"""After which a turn is given up."""
FILLED = ("list", "folder", "across")
"""Kinds of work that only read a bucket, which is filled once for all contenders."""


@attrs.define
class Samples:
    """What the turns of a work took.

    Attributes:
        work: the work.
        task: its numbers.
        rounds: for each round and label the steps.
        failures: for each label why it takes no more part.
    """

    work: Work
    task: dict[str, int]
    rounds: list[dict[str, list[Step]]] = attrs.field(factory=list)
    failures: dict[str, str] = attrs.field(factory=dict)

    @property
    def title(self) -> str:
        """The title of the work, with its numbers."""
        return self.work.title.format(**self.task)

    def steps(self) -> list[str]:
        """Return the names of the steps."""
        first: Iterable[list[Step]] = self.rounds[0].values() if self.rounds else []
        return [step["step"] for step in next(iter(first), [])]

    def values(self, label: str, step: str, field: str) -> list[float]:
        """Return a figure of a contender for each round; ``memory`` is the peak above what there was before."""
        found = [step_ for turns in self.rounds for step_ in turns.get(label, ()) if step_["step"] == step]
        if field == "memory":
            return [(each["peak"] - each["idle"]) / (1 << 20) for each in found]
        return [each[field] for each in found]

    def labels(self) -> list[str]:
        """Return who took part to the end, in the order of the work."""
        return [each.label for each in self.work.contenders if all(each.label in turns for turns in self.rounds)]

    def best(self, bases: Iterable[str], step: str, measure: str) -> str | None:
        """Return which of these has the least median."""
        there = [label for label in bases if label in self.labels()]
        return min(there, key=lambda label: median(self.values(label, step, measure)), default=None)


class Bench:
    """Measures works on one server.

    Attributes:
        site: the server.
        peers: by name, those that take part.
        quick: whether smaller numbers do.
        counts: for each kind of work, label and step how many requests it took.
    """

    def __init__(self, site: Site, peers: Mapping[str, Peer], *, quick: bool) -> None:
        self.site, self.peers, self.quick = site, peers, quick
        self.counts: dict[tuple[str, str, str], dict[str, float]] = {}
        self._other: Site | None = None
        self._began = time.monotonic()
        self._buckets = (f"bench-{number}" for number in count())

    def measure(self, work: Work, rounds: int) -> Samples:
        """Measure a work; what fails is left out from then on."""
        samples = Samples(work, self._task(work))
        taking_part = [each for each in work.contenders if each.client in self.peers]
        with ExitStack() as stack:
            self._other = stack.enter_context(self.site.second()) if work.kind == "across" else None
            url = self.site.server.endpoint_url if work.plain else f"https://{self.site.tls}"
            if work.relay:
                url = stack.enter_context(self.site.relay(*work.relay))
            bucket = None
            if work.kind in FILLED:
                bucket = stack.enter_context(self.site.bucket(next(self._buckets), kept=work.between))
            if bucket:
                self._turn(work, "fill", LIBRARY[0], bucket, url)
            if work.kind == "check":
                bucket, url = "listed", stack.enter_context(listings(samples.task["count"]))
            elif not work.between:  # whose requests tests count
                self._count(work, taking_part, bucket, samples)
            for turn in range(rounds):
                samples.rounds.append({})
                for each in taking_part[turn % len(taking_part) :] + taking_part[: turn % len(taking_part)]:
                    self._note(f"{work.name}: round {turn + 1} of {rounds}, {each.label}")
                    if each.label not in samples.failures and (steps := self._try(samples, each, bucket, url)):
                        samples.rounds[-1][each.label] = steps
        return samples

    def _count(self, work: Work, taking_part: list[Contender], bucket: str | None, samples: Samples) -> None:
        """Let each have a turn over plain HTTP that is not timed, and count its requests."""
        log = self.site.folder / "requests.log"
        with self.site.relay("--log", str(log), plain=True) as url:
            for each in taking_part:
                if not any(key[:2] == (work.kind, each.label) for key in self.counts):
                    self._note(f"{work.name}: requests of {each.label}")
                    log.write_bytes(b"")
                    for step in self._try(samples, each, bucket, url, log) or ():
                        self.counts[work.kind, each.label, step["step"]] = step["requests"]

    def _try(self, samples: Samples, each: Contender, bucket: str | None, url: str, log: Path | None = None) -> list[Step]:
        try:
            if bucket and self._other:
                with self._other.bucket(next(self._buckets), kept=True) as fresh:
                    other = self._place(self._other, fresh, f"https://{self._other.tls}")
                    return self._turn(samples.work, samples.work.kind, each, bucket, url, log, other)
            if bucket:
                return self._turn(samples.work, samples.work.kind, each, bucket, url, log)
            with self.site.bucket(next(self._buckets), kept=samples.work.between) as fresh:
                return self._turn(samples.work, samples.work.kind, each, fresh, url, log)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            samples.failures[each.label] = (str(error.stderr or "").strip() or str(error)).splitlines()[-1][:300]
            return []

    def _turn(
        self,
        work: Work,
        kind: str,
        each: Contender,
        bucket: str,
        url: str,
        log: Path | None = None,
        other: Mapping[str, str] | None = None,
    ) -> list[Step]:
        peer = self.peers[each.client]
        place = self._place(self.site, bucket, url) | {"program": peer.program}
        if work.kind == "check":  # one server lists both sides
            other = place
        if other:
            place |= {"other": json.dumps(other)}
        order = {"client": each.client, "option": each.option, "work": kind, "place": place, "log": str(log or "")}
        order |= {"task": self._task(work), "folder": str(self.site.folder)}
        done = subprocess.run(
            [peer.python, "-m", "bench.worker"],
            input=json.dumps(order),
            # As for any installed program, there is bytecode: compiling all modules at each start is nobody's way.
            env={**os.environ, "PYTHONPATH": str(ROOT / "benchmarks"), "PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
        )
        steps: list[Step] = json.loads(done.stdout.splitlines()[-1])
        return steps

    def _place(self, site: Site, bucket: str, url: str) -> dict[str, str]:
        server = site.server
        place = {"url": url, "region": server.region, "bucket": bucket, "ca": str(site.ca)}
        return place | {"access_key": server.access_key, "secret_key": server.secret_key}

    def _task(self, work: Work) -> dict[str, int]:
        return dict(work.quick if self.quick else work.task)

    def _note(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s  {text}", file=sys.stderr, flush=True)


def ratios(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Return the least, the median and the greatest ratio of paired rounds."""
    paired = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return min(paired), median(paired), max(paired)
