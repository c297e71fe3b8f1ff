"""What is measured: the works, who takes part in each, and the targets."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen
class Contender:
    """One row of a table.

    Attributes:
        client: its name in ``bench.clients``.
        option: what its client is told.
        label: what the tables call it.
    """

    client: str
    option: str
    label: str


@attrs.frozen(kw_only=True)
class Work:
    """Something that every contender does.

    Attributes:
        name: for ``--only``.
        title: for the tables, with the names of numbers of the task in braces.
        label: for the picture, likewise and with ``step``; empty for what it does not show.
        kind: the function of ``bench.worker``.
        task: its numbers.
        quick: other numbers for ``--quick``.
        in_quick: whether ``--quick`` measures it without being asked for it.
        rounds: how often each has its turn.
        contenders: who takes part.
        measure: what the ratios are of, ``cpu`` or ``wall``.
        bases: the labels of those whose best is 1 in the ratios.
        plain: without TLS.
        relay: the options of ``bench.network`` between client and server.
        door: whether a door is measured, which is asked for by ``--doors``.
        between: whether it is work between two places, which is asked for by ``--between``.
    """

    name: str
    title: str
    label: str
    kind: str
    task: Mapping[str, int]
    quick: Mapping[str, int]
    in_quick: bool = False
    rounds: int
    contenders: tuple[Contender, ...]
    measure: str
    bases: tuple[str, ...] = ("obstore",)
    plain: bool = False
    relay: tuple[str, ...] = ()
    door: bool = False
    between: bool = False


OPTIONS = ("r2 wire", "s3 wire", "r2 boto3")
"""Schemes and engines of assetstore. Only ``s3`` sends Content-MD5 too."""
LIBRARY = tuple(Contender("assetstore", option, f"assetstore, {option}") for option in OPTIONS)
COMMAND = tuple(Contender("assetstore CLI", option, f"assetstore CLI, {option}") for option in OPTIONS[::2])
FSSPEC, AIO, DJANGO = (
    Contender(f"assetstore {door}", "r2 wire", f"assetstore {door}") for door in ("fsspec", "aio", "django")
)
"""Doors, over the same store as ``LIBRARY[0]``."""
OURS, OURS_CLI = LIBRARY[0].label, COMMAND[0].label


def _peers(*names: str) -> tuple[Contender, ...]:
    return tuple(Contender(name, "", name) for name in names)


OBSTORE, BOTO3 = _peers("obstore", "boto3")
RUST = (OBSTORE, *_peers("opendal"))
PYTHON = (BOTO3, *_peers("minio-py", "s3fs", "cloudpathlib"))
COMMANDS = _peers("s5cmd", "rclone", "awscli")
RANGES = Contender("obstore", "ranges", "obstore, ranges")
S5CMD_64 = Contender("s5cmd", "64", "s5cmd, 64 workers")
OWN = tuple(Contender(name, "own", name) for name in ("rclone", "awscli", "juicefs"))
"""With the numbers of transfers of their own choice."""
RCLONE_64, AWSCLI_64, JUICEFS_64 = (Contender(each.client, "", f"{each.client}, 64") for each in OWN)

KIB16 = 16 << 10
FASTEST = ("s5cmd", "s5cmd, 64 workers", "rclone", "obstore")
FASTEST_RANGES = ("obstore", "obstore, ranges")
MANY = (*LIBRARY, COMMAND[0], *RUST, *PYTHON[:3], COMMANDS[0], S5CMD_64, *COMMANDS[1:])
LARGE = (*LIBRARY, *RUST, RANGES, BOTO3, *_peers("boto3[crt]"), *PYTHON[1:], *COMMANDS)
SYNCING = (COMMANDS[0], S5CMD_64, *OWN, RCLONE_64, AWSCLI_64, JUICEFS_64)
TOO_SLOW = {0: (), 20: OWN[:2], 80: OWN}
"""Whose few transfers at once take minutes, by the milliseconds each way."""
SYNC_PEERS = {delay: tuple(each for each in SYNCING if each not in slow) for delay, slow in TOO_SLOW.items()}
FASTEST_SYNC = {delay: tuple(each.label for each in peers) for delay, peers in SYNC_PEERS.items()}
DEFAULT_SYNC = (COMMANDS[0].label,)
"""The fastest as they come from far away: the others send a few files at once by themselves, and take minutes."""
BEST = tuple(contender.label for contender in LARGE if contender not in LIBRARY)


def _small(name: str, title: str, *, plain: bool, rounds: int) -> Work:
    return Work(
        name=name,
        title=title,
        label="" if plain else "{step}, 16 KiB",
        kind="small",
        task={"count": 300, "size": KIB16},
        quick={"count": 60, "size": KIB16},
        in_quick=not plain,
        rounds=rounds,
        contenders=(*LIBRARY, *RUST, *PYTHON),
        measure="cpu",
        plain=plain,
    )


def _many(delay: int) -> Work:
    return Work(
        name=f"many-{delay}",
        title=f"{{count:,}} files of 16 KiB, TLS, {f'{delay} ms each way' if delay else 'no delay'}",
        label="" if delay == 1 else f"{{count:,}} files {{step}}{f', {delay} ms away' if delay else ''}",
        kind="many",
        task={"count": 4000, "size": KIB16},
        quick={"count": 200, "size": KIB16},
        in_quick=delay == 20,
        rounds=3,
        contenders=MANY,
        measure="wall",
        bases=FASTEST,
        relay=("--delay", str(delay / 1000)) if delay else (),
    )


def _sync(delay: int) -> Work:
    return Work(
        name=f"sync-{delay}",
        title=f"sync of a folder of {{count:,}} files of 16 KiB, TLS, {f'{delay} ms each way' if delay else 'no delay'}",
        label="",
        kind="sync",
        task={"count": 10_000, "size": KIB16},
        quick={"count": 500, "size": KIB16},
        in_quick=delay == 20,
        rounds=3,
        contenders=(COMMAND[0], *SYNC_PEERS[delay]),
        measure="wall",
        bases=FASTEST_SYNC[delay],
        relay=("--delay", str(delay / 1000)) if delay else (),
        between=True,
    )


WORKS = (
    _small("small", "One asset of 16 KiB after the other, TLS", plain=False, rounds=7),
    *(_many(delay) for delay in (0, 1, 20, 80)),
    Work(
        name="list",
        title="{count:,} keys listed, TLS",
        label="{step} {count:,} keys",
        kind="list",
        task={"count": 100_000},
        quick={"count": 5000},
        in_quick=True,
        rounds=5,
        contenders=(*LIBRARY, *RUST, *PYTHON[:3], *COMMANDS),
        measure="cpu",
    ),
    Work(
        name="big",
        title="One asset of {MiB:,} MiB, TLS",
        label="{MiB:,} MiB {step}",
        kind="big",
        task={"MiB": 1024},
        quick={"MiB": 64},
        in_quick=True,
        rounds=3,
        contenders=LARGE,
        measure="cpu",
        bases=BEST,
    ),
    Work(
        name="big-capped",
        title="One asset of {MiB:,} MiB, TLS, 20 ms each way, at most 20 MB/s a connection",
        label="{MiB:,} MiB {step}, slow line",
        kind="big",
        task={"MiB": 1024},
        quick={"MiB": 64},
        rounds=2,
        contenders=tuple(contender for contender in LARGE if contender.label != "cloudpathlib"),
        measure="wall",
        bases=FASTEST_RANGES,
        relay=("--delay", "0.02", "--rate", "20e6"),
    ),
    _small("small-plain", "One asset of 16 KiB after the other, plain HTTP", plain=True, rounds=5),
    Work(
        name="fsspec",
        title="fsspec: pipe_file (PUT), cat_file (GET), info (HEAD) and rm_file (DELETE) of 16 KiB, TLS",
        label="",
        kind="small",
        task={"count": 300, "size": KIB16},
        quick={"count": 60, "size": KIB16},
        rounds=5,
        contenders=(LIBRARY[0], FSSPEC, *_peers("s3fs", "obstore fsspec")),
        measure="cpu",
        bases=("s3fs",),
        door=True,
    ),
    Work(
        name="fsspec-ls",
        title="fsspec: ls of a folder of {count:,} files, TLS",
        label="",
        kind="folder",
        task={"count": 1000, "times": 10},
        quick={"count": 1000, "times": 3},
        rounds=5,
        contenders=(FSSPEC, *_peers("s3fs", "obstore fsspec")),
        measure="cpu",
        bases=("s3fs",),
        door=True,
    ),
    Work(
        name="async",
        title="Asynchronous calls, one after the other, 16 KiB, TLS",
        label="",
        kind="small",
        task={"count": 300, "size": KIB16},
        quick={"count": 60, "size": KIB16},
        rounds=5,
        contenders=(LIBRARY[0], AIO, *_peers("aioboto3", "obstore async")),
        measure="cpu",
        bases=("aioboto3",),
        door=True,
    ),
    Work(
        name="stall",
        title="The event loop during an upload of {MB} MB, TLS",
        label="",
        kind="stall",
        task={"MB": 60},
        quick={"MB": 60},
        rounds=5,
        contenders=(AIO, *_peers("aioboto3", "obstore async")),
        measure="stall",
        bases=("aioboto3",),
        door=True,
    ),
    Work(
        name="django",
        title="Django's storages, one file of 16 KiB after the other, TLS",
        label="",
        kind="storage",
        task={"count": 200, "size": KIB16},
        quick={"count": 60, "size": KIB16},
        rounds=5,
        contenders=(DJANGO, *_peers("django-storages", "Django")),
        measure="cpu",
        bases=("django-storages",),
        door=True,
    ),
    Work(
        name="collectstatic",
        title="collectstatic of {count:,} files of 4 KiB, TLS, 20 ms each way",
        label="",
        kind="static",
        task={"count": 5000, "size": 4096},
        quick={"count": 200, "size": 4096},
        rounds=1,
        contenders=(DJANGO, *_peers("django-storages")),
        measure="wall",
        bases=("django-storages",),
        door=True,
        relay=("--delay", "0.02"),
    ),
    Work(
        name="zip",
        title="A remote ZIP of {MB} MB and {members:,} members, TLS, 20 ms each way",
        label="",
        kind="archive",
        task={"MB": 200, "members": 2000},
        quick={"MB": 20, "members": 200},
        rounds=3,
        contenders=(LIBRARY[0], FSSPEC, *_peers("s3fs", "smart-open")),
        measure="wall",
        bases=("s3fs",),
        door=True,
        relay=("--delay", "0.02"),
    ),
    *(_sync(delay) for delay in (0, 20, 80)),
    Work(
        name="across",
        title="sync of {count:,} assets of 16 KiB between two servers, TLS",
        label="",
        kind="across",
        task={"count": 10_000, "size": KIB16},
        quick={"count": 500, "size": KIB16},
        in_quick=True,
        rounds=3,
        contenders=(COMMAND[0], OWN[0], RCLONE_64, OWN[2], JUICEFS_64),
        measure="wall",
        bases=("rclone", "rclone, 64"),
        between=True,
    ),
    Work(
        name="check",
        title="check of {count:,} keys against {count:,}, plain HTTP, a server that only lists",
        label="",
        kind="check",
        task={"count": 1_000_000},
        quick={"count": 20_000},
        in_quick=True,
        rounds=3,
        contenders=(COMMAND[0], OWN[0], Contender("rclone", "fast-list", "rclone --fast-list")),
        measure="cpu",
        bases=("rclone", "rclone --fast-list"),
        plain=True,
        between=True,
    ),
)
