"""Looks for secrets in all that assetstore writes: every command and call, with faults, at the lowest log level."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pickle
import re
import secrets
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import click

from assetstore import AssetStore, open_store
from assetstore.cli.app import ALIASES, MODULES, app
from assetstore.testing import RecordingObserver
from assetstore_r2 import R2AssetManager
from assetstore_r2.testing import Fault, FaultProxy, LoseResponse, Reset, Status
from servers import S3Server

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "no fault": (),
    "403": (Status(status=403, code="AccessDenied", times=None),),
    "reset": (Reset(times=None),),
    "lost answer": (LoseResponse(times=None),),
}
SHORT_FAULTS = ("no fault", "403")
STORES = ("wire", "boto3", "folder")
KEY = "maps/a.txt"
COMMANDS: Mapping[str, Sequence[Sequence[str]]] = {
    "upload": [["a.txt", "--key", KEY], ["missing.txt"]],
    "download": [[KEY, "-o", "copy.txt", "--force"]],
    "copy": [[KEY, "maps/b.txt"]],
    "move": [["maps/b.txt", "maps/c.txt"]],
    "update": [[KEY, "--cache-control", "no-store"]],
    "delete": [["maps/c.txt"]],
    "presign": [[KEY], [KEY, "--method", "PUT"]],
    "serve": [["--host", "203.0.113.1"]],
    "verify-backend": [["--only", "pickled"]],
    "completion": [["bash"]],
    "init": [["--kind", "folder", "--folder", "f", "--name", "n", "-n"]],
    **{name: [[]] for name in ("list", "find", "du", "stats", "stores", "plugins", "doctor", "demo")},
    "audit": [["keys.txt"]],
}
"""The arguments of commands; any other gets a key."""
SIGNATURE = re.compile(r"(?i)signature(?:\\n|[^0-9a-z]|%3d)+(?:[0-9a-f]{64}|[0-9a-f]{8}\.[\w-]{20,})")
PRODUCTS = ("presign", "demo", "serve")
"""Commands that print a signed URL, because that is what they are asked for."""


@attrs.frozen
class Sighting:
    """A secret that was seen.

    Attributes:
        place: where, for example ``upload -s boto3, 403: log``.
        what: which secret.
    """

    place: str
    what: str


@attrs.define
class Search:
    """Looks for secrets in texts.

    Attributes:
        canaries: secrets by their names.
        sightings: what was seen so far.
        looked: in how many texts was looked.
    """

    canaries: Mapping[str, str]
    sightings: list[Sighting] = attrs.field(factory=list)
    looked: int = 0

    def look(self, place: str, text: str, *, signed: bool = False) -> None:
        """Look into a text; ``signed`` says that it may hold signatures."""
        self.looked += 1
        found = [name for name, canary in self.canaries.items() if canary in text or quote(canary, safe="") in text]
        if not signed and SIGNATURE.search(text):
            found.append("a signature")
        self.sightings += [Sighting(place, what) for what in found]


@contextlib.contextmanager
def _logged() -> Iterator[io.StringIO]:
    """Yield all that any logger writes, at its lowest level, with tracebacks."""
    text = io.StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def run(search: Search, place: str, arguments: Sequence[str], *, signed: bool = False) -> None:
    """Run a command in this process, and look into what it writes."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO())
    try:
        with (
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
            _logged() as log,
            contextlib.suppress(SystemExit),
        ):
            app(list(arguments), prog_name="assetstore")
    finally:
        sys.stdin = stdin
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        stream.flush()
        stream.seek(0)
        search.look(f"{place}: {name}", stream.read(), signed=signed and name == "stdout")
    search.look(f"{place}: log", log.getvalue())


def all_commands(store: str) -> list[str]:
    """Return the names of all commands, those of the store's plugins included; deleting comes last."""
    with open_store(store) as opened:
        names = [*MODULES, *(str(command.name) for command in opened.commands())]
    return sorted(names, key=lambda name: (name == "delete", name != "upload"))


def commands(search: Search, proxy: FaultProxy, *, short: bool) -> None:
    """Run every command on every store, and cause every fault where there is a network; few faults if ``short``."""
    for store in STORES:
        names = all_commands(store)
        faults = {"wire": SHORT_FAULTS if short else tuple(FAULTS), "boto3": SHORT_FAULTS[:1] if short else tuple(FAULTS)}
        for fault in faults.get(store, SHORT_FAULTS[:1]):
            proxy.inject(*FAULTS[fault])
            for name in names:
                for arguments in COMMANDS.get(name, [[KEY]]):
                    place = f"{name} -s {store}, {fault}"
                    run(search, place, [name, *arguments, "-s", store], signed=name in PRODUCTS)
        proxy.inject()


def urls(search: Search, *, short: bool) -> None:
    """Give every command a URL with credentials in it, as its store and as its argument; one form of it if ``short``."""
    key, secret = "AKIAEXAMPLE", search.canaries["the secret of a URL"]
    forms = (f"s3://{key}:{secret}@bucket", f"s3://bucket?secret_key={quote(secret)}", f"s3://{key}:{secret}@bucket/a")
    for name in MODULES if short else (*MODULES, *ALIASES):
        for url in forms[:1] if short else forms:
            run(search, f"{name} -s URL", [name, *COMMANDS.get(name, [[KEY]])[0], "-s", url])
            if name != "init":
                # A key in the URL that it asks for is no secret.
                if name not in PRODUCTS:
                    run(search, f"{name} URL", [name, url, "-s", "folder"])
                run(search, f"{name} KEY URL URL", [name, KEY, url, url, "-s", "folder"])


def no_option_takes_a_secret(search: Search) -> None:
    """An argument is seen by everyone who lists the processes: look for options that ask for a secret there."""
    for name in MODULES:
        command = app.get_command(click.Context(app), name)
        for option in command.params if command else ():
            if re.search("secret|password|token|credential", f"{option.name}"):
                search.sightings.append(Sighting(f"{name} --{option.name}", "an option for a secret"))
            search.looked += 1


def calls(search: Search, name: str, store: AssetStore, fault: str) -> None:
    """Call every method that may fail, and look into the error, its traceback with variables, and the log."""
    tried: Mapping[str, Callable[[], object]] = {
        "upload": lambda: store.upload(b"abc", KEY),
        "upload in parts": lambda: store.upload(iter([bytes(6 << 20)]), "big"),
        "read": lambda: store.read(KEY),
        "stat": lambda: store.stat(KEY),
        "list": lambda: list(store.list()),
        "copy": lambda: store.copy(KEY, "b"),
        "update": lambda: store.update(KEY, cache_control="no-store"),
        "delete": lambda: store.delete("b"),
        "check": lambda: store.check(),
        "begin_upload": lambda: repr(store.begin_upload(filename="a.txt", size=3)),
        "presign": lambda: repr(store.presign(KEY)),
        "presign badly": lambda: store.presign(KEY, expires=0),
        "open": lambda: repr(store.open(KEY)),
    }
    for what, call in tried.items():
        place = f"store.{what} of {name}, {fault}"
        with _logged() as log:
            search.look(f"{place}: result", _outcome(call))
        search.look(f"{place}: log", log.getvalue())


def manager_calls(search: Search, manager: R2AssetManager, fault: str) -> None:
    """Call the methods of the manager, which log what fails instead of raising it."""
    tried: Mapping[str, Callable[[], object]] = {
        "upload_file": lambda: manager.upload_file("a.txt", "notes"),
        "download_file": lambda: manager.download_file(KEY, "b.txt"),
        "get_object_info": lambda: manager.get_object_info(KEY),
        "list_objects": lambda: manager.list_objects(),
        "get_object_bytes": lambda: manager.get_object_bytes(KEY, 10),
        "promote_file": lambda: manager.promote_file(KEY, "b"),
        "delete_file": lambda: manager.delete_file("b"),
        "s3_client": lambda: _list_buckets(manager),
    }
    for what, call in tried.items():
        place = f"manager.{what}, {fault}"
        with _logged() as log:
            search.look(f"{place}: result", _outcome(call))
        search.look(f"{place}: log", log.getvalue())


def _list_buckets(manager: R2AssetManager) -> None:
    """Use botocore's client itself. Its errors are its own; its log is ours."""
    with contextlib.suppress(Exception):
        manager.s3_client.list_buckets()


def _outcome(call: Callable[[], object]) -> str:
    """Return the repr of a result, or an error with its attributes and the variables of every frame but ours."""
    try:
        return repr(call())
    except Exception as error:
        return "\n".join(_shown(error))


def _shown(error: BaseException | None) -> Iterator[str]:
    """Yield an error, its attributes and the variables of all frames but ours; the same of its causes."""
    frames: list[Any] = []
    while error is not None:
        yield f"{error!r} {vars(error)!r}"
        frames += list(traceback.walk_tb(error.__traceback__))
        error = error.__cause__ or error.__context__
    for frame, line in frames:
        if frame.f_code.co_filename != __file__:
            for name, value in frame.f_locals.items():
                with contextlib.suppress(Exception):  # an object whose making failed
                    yield f"{frame.f_code.co_filename}:{line} {name} = {value!r}"


def construction(search: Search, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Open stores whose settings are wrong, so that an error is raised while the secrets are at hand."""
    for name, table in settings.items():
        for wrong in ({"max_attempts": 0}, {"origins": ["x"]}, {"unknown": 1}, {"region": "a b"}, {"plugins": ["none"]}):
            search.look(f"opening {name} with {wrong}", _outcome(lambda: open_store({**table, **wrong})))  # noqa: B023 - called at once


def parts(search: Search, name: str, whole: object) -> None:
    """Look into the repr and the pickle of the objects that a store or a manager is made of."""
    seen: dict[int, object] = {}
    _collect(whole, seen)
    for part in seen.values():
        what = f"{type(part).__module__}.{type(part).__qualname__}"
        search.look(f"repr of {what} of {name}", repr(part))
        with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
            search.look(f"pickle of {what} of {name}", pickle.dumps(part).decode("latin-1"))


def _collect(part: object, seen: dict[int, object]) -> None:
    """Collect an object of ours and all that it refers to, as far as it is ours."""
    if id(part) in seen or not type(part).__module__.startswith("assetstore"):
        return
    seen[id(part)] = part
    slots = [slot for kind in type(part).__mro__ for slot in getattr(kind, "__slots__", ())]
    for attribute in {*getattr(part, "__dict__", {}), *slots}:
        value = getattr(part, attribute, None)
        for item in value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else [value]:
            _collect(item, seen)


def sightings(server: S3Server, folder: Path, *, short: bool = False) -> Search:
    """Search everywhere; return what was seen.

    Args:
        server: an S3 server, whose own secret is the first canary.
        folder: an empty folder; it becomes the working directory meanwhile.
        short: whether to cause only a fault of each kind.
    """
    url_secret = f"{secrets.token_hex(8)}/{secrets.token_hex(8)}"
    signing = secrets.token_hex(20)
    search = Search({"the secret key": server.secret_key, "a signing key": signing, "the secret of a URL": url_secret})
    faults = SHORT_FAULTS if short else tuple(FAULTS)
    with FaultProxy(server.endpoint_url) as proxy, contextlib.chdir(folder):
        settings = _settings(server, proxy.url, signing)
        _write(folder, settings)
        trace, os.environ["ASSETSTORE_TRACE"] = os.environ.get("ASSETSTORE_TRACE"), "1"
        try:
            commands(search, proxy, short=short)
            urls(search, short=short)
        finally:
            os.environ.pop("ASSETSTORE_TRACE")
            os.environ.update({"ASSETSTORE_TRACE": trace} if trace is not None else {})
        no_option_takes_a_secret(search)
        construction(search, settings)
        for name, table in settings.items():
            observer = RecordingObserver()
            with open_store(table) as store:
                for fault in faults if name != "folder" else faults[:1]:
                    proxy.inject(*FAULTS[fault])
                    calls(search, name, store, fault)
                proxy.inject()
                parts(search, name, store)
            search.look(f"events of {name}", repr(observer.events))
        manager = R2AssetManager(_manager_settings(server, proxy.url))
        for fault in faults:
            proxy.inject(*FAULTS[fault])
            manager_calls(search, manager, fault)
        parts(search, "the manager", manager)
        for path in folder.rglob("*"):
            if path.is_file() and path.name not in ("assetstore.toml", "signing-key"):
                search.look(f"the file {path.relative_to(folder)}", path.read_bytes().decode("latin-1"))
    return search


def _settings(server: S3Server, url: str, signing: str) -> dict[str, dict[str, Any]]:
    shared = {
        "url": f"s3://{server.bucket}",
        "endpoint_url": url,
        "region": server.region,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "signing_keys": [signing],
        "max_attempts": 2,
        "timeout": 5.0,
        "part_size": 5 << 20,
    }
    return {
        "wire": {**shared, "stats": {"path": "stats.sqlite"}},
        "boto3": {**shared, "engine": "boto3"},
        "folder": {"url": "file:assets", "signing_keys": [signing], "durable": False},
    }


def _manager_settings(server: S3Server, url: str) -> dict[str, object]:
    return {
        "R2_ENABLED": True,
        "R2_ENDPOINT": url,
        "R2_ACCESS_KEY": server.access_key,
        "R2_SECRET_KEY": server.secret_key,
        "R2_BUCKET_NAME": server.bucket,
    }


def _write(folder: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the configuration, and the files that the commands take."""
    lines = []
    for name, table in settings.items():
        lines.append(f"[stores.{name}]")
        for key, value in table.items():
            # A table inside has only one setting here.
            text = json.dumps(value).replace(": ", " = ")
            lines.append(f"{key} = {text}")
    (folder / "assetstore.toml").write_text("\n".join(lines))
    (folder / "a.txt").write_text("abc")
    (folder / "keys.txt").write_text(f"{KEY}\n")
