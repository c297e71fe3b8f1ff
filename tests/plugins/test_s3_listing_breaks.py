"""A listing that breaks half-way: nothing is deleted, moved or called an orphan for what was not seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from r2_stand_in import KEYS, Forward, Reply, Request, stand_in

from assetstore.cli.app import app


def page(number: int) -> Reply:
    """Return a first page of a thousand keys, which has a second one."""
    entries = "".join(
        f"<Contents><Key>a/{number:04}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&#34;{'0' * 32}&#34;</ETag><Size>3</Size></Contents>"
        for number in range(number)
    )
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    text = f"<ListBucketResult>{entries}<KeyCount>{number}</KeyCount>{more}</ListBucketResult>"
    return Reply(200, {"content-type": "application/xml"}, text.encode())


@pytest.mark.parametrize(
    "arguments",
    [
        ["delete", "-r", "a/", "--yes"],
        ["move", "-r", "a/", "b/"],
        ["audit", "keys.txt", "--delete-orphans", "--older-than", "1d", "--yes"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_nothing_is_deleted_on_incomplete_knowledge(
    arguments: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the second page fails, the command fails, and nothing but listings and lookups was asked."""

    def answer(request: Request, forward: Forward) -> Reply:
        return Reply(500) if "continuation-token=t" in request.path else page(1000)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.txt").write_text("a/0000\n")
    with stand_in(script=answer) as server:
        settings = {"backend": "r2", "bucket": "assets", "endpoint_url": server.url, **KEYS, "max_attempts": 1}
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        (tmp_path / "assetstore.toml").write_text("\n".join(["[stores.s]", *lines]))
        with pytest.raises(SystemExit) as ended:
            app([*arguments, "-s", "s"], prog_name="assetstore")
        sent = {(request.method, "list-type=2" in request.path) for request in server.requests} - {("HEAD", False)}
    assert (False, {("GET", True)}) == (ended.value.code == 0, sent), capsys.readouterr().err
