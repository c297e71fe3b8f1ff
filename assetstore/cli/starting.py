"""The command ``init``: asks where the assets are, writes a configuration, and tests it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from assetstore.cli.completion import complete_files
from assetstore.cli.doctor import doctor_command
from assetstore.cli.session import Session, command, dry_run_option
from assetstore.cli.text import shown
from assetstore.config import CONFIG_VARIABLE, FILE_NAME
from assetstore.errors import AlreadyExistsError

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"[A-Za-z0-9._-]+|\$\{\w+\}")
_ENDPOINT = re.compile(r"(https?://[^\s/?#@]+)?/?")


def _matching(pattern: re.Pattern[str], words: str) -> Callable[[str], str]:
    """Return a function that takes an answer, or refuses it; a prompt asks again then."""

    def check(text: str) -> str:
        if not pattern.fullmatch(text.strip()):
            raise click.UsageError(f"must be {words}, got {shown(text)}")
        return text.strip()

    return check


# For each question: what is asked, the usual answer, and what an answer may be.
QUESTIONS: Mapping[str, tuple[str, str | None, Callable[[str], str]]] = {
    "folder": ("Folder", "assets", _matching(re.compile(r"[^\x00-\x1f]+"), "a path")),
    "account_id": ("Account ID, from R2's overview page", "${R2_ACCOUNT_ID}", _matching(_WORD, "32 hex digits")),
    "endpoint_url": ("Endpoint URL, empty for Amazon", "", _matching(_ENDPOINT, "a URL such as https://s3.example.com")),
    "region": ("Region", "us-east-1", _matching(_WORD, "a region such as eu-central-1")),
    "bucket": ("Bucket", None, _matching(_WORD, "the name of a bucket alone")),
}
ASKED: dict[str, tuple[str, ...]] = {
    "folder": ("folder",),
    "r2": ("account_id", "bucket"),
    "s3": ("endpoint_url", "region", "bucket"),
}


@command("init",
    examples=(
        "assetstore init",
        "assetstore init --kind folder --folder assets --name dev",
        "assetstore init --kind r2 --account-id '${R2_ACCOUNT_ID}' --bucket game-assets --name prod -n",
    ),
)
@click.option("--kind", type=click.Choice(list(ASKED)), help="Where the assets are kept.")
@click.option("--name", metavar="NAME", help="The store's name: letters, digits, - and _.")
@click.option("--folder", metavar="PATH", shell_complete=complete_files, help="The folder.")
@click.option("--account-id", metavar="ID", help="The account of R2.")
@click.option("--endpoint-url", metavar="URL", help="The URL of an S3 service; '' is Amazon's.")
@click.option("--region", metavar="REGION", help="The region of an S3 service.")
@click.option("--bucket", metavar="NAME", help="The bucket of R2 or S3.")
@dry_run_option
def init_command(session: Session, kind: str | None, name: str | None, dry_run: bool, **answers: str | None) -> None:
    """Write assetstore.toml and test the store.

    Asks what no option says. Secrets are never asked for: the file names the environment variables that hold them. A file
    that exists is not changed.
    """
    path = Path(os.environ.get(CONFIG_VARIABLE) or FILE_NAME).absolute()
    if path.exists() and not dry_run:
        raise _taken(path)
    kind = kind or click.prompt("Where are the assets kept?", type=click.Choice(list(ASKED)), default="folder", err=True)
    _refuse_others(kind, answers)
    given = {question: _answer(question, answers[question]) for question in ASKED[kind]}
    usual = "dev" if kind == "folder" else "prod"
    name = _asked("Name of this store", usual, _matching(_NAME, "letters, digits, - and _"), name)
    settings = "".join(f"{key} = {_toml(value)}\n" for key, value in _table(kind, given).items())
    text = f"default = {_toml(name)}\n\n[stores.{name}]\n{settings}"
    if dry_run:
        session.line(text.rstrip())
        return
    _write(path, text)
    if session.as_json:
        session.record({"op": "init", "path": str(path), "name": name})
    session.talk(f"wrote {shown(str(path))}")
    if variables := sorted(set(re.findall(r"\$\{(\w+)\}", text))):
        session.talk(f"it reads {', '.join(variables)} from the environment")
    session.talk(f"testing it: assetstore doctor {name}")
    click.get_current_context().invoke(doctor_command, store=name, origins=())


def _taken(path: Path) -> AlreadyExistsError:
    hint = "add a table to it, for example [stores.prod], or remove it"
    return AlreadyExistsError(f"{path} exists", hint=hint, op="write the configuration")


def _refuse_others(kind: str, answers: Mapping[str, str | None]) -> None:
    """Refuse options that this kind of store does not have.

    Raises:
        click.UsageError: there is one.
    """
    for name, value in answers.items():
        if value is not None and name not in ASKED[kind]:
            raise click.UsageError(f"--{name.replace('_', '-')} is not for a store of the kind {kind}")


def _answer(question: str, given: str | None) -> str:
    text, usual, check = QUESTIONS[question]
    return _asked(text, usual, check, given)


def _asked(text: str, usual: str | None, check: Callable[[str], str], given: str | None) -> str:
    """Return what an option gave, or the answer of the user."""
    if given is not None:
        return check(given)
    answer: Any = click.prompt(text, default=usual, value_proc=check, show_default=bool(usual), err=True)
    return str(answer)


def _table(kind: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the store; secrets are references to the environment."""
    if kind == "folder":
        folder = given["folder"]
        return {"url": folder if folder[0] in "./~" else f"file:{quote(folder)}"}
    if kind == "r2":
        keys = {"access_key": "${R2_ACCESS_KEY}", "secret_key": "${R2_SECRET_KEY}"}
        return {"url": f"r2://{given['account_id']}/{given['bucket']}", **keys}
    # The plugin finds the credentials as boto3 does: variables, a profile, the role of the machine.
    endpoint = {"endpoint_url": given["endpoint_url"]} if given["endpoint_url"] else {}
    return {"url": f"s3://{given['bucket']}", **endpoint, "region": given["region"]}


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _taken(path) from None
