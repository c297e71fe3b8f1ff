"""The commands ``cors`` and ``lifecycle``, which the R2 plugin offers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running import Done, Run

RULE = {
    "AllowedOrigins": ["https://app.example"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "Accept-Ranges", "Content-Range", "Content-Length"],
    "MaxAgeSeconds": 3600,
}


@pytest.fixture
def online(run: Run, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that runs a command on a server's second bucket."""

    def on(server: Any, *arguments: str) -> Done:
        monkeypatch.setenv("R2_ACCESS_KEY", server.access_key)
        monkeypatch.setenv("R2_SECRET_KEY", server.secret_key)
        return run("-s", f"s3://{server.other_bucket}?endpoint_url={server.endpoint_url}", *arguments)

    return on


@pytest.fixture
def clean(seaweedfs: Any) -> Iterator[Any]:
    """Give SeaweedFS, and remove its rules afterwards."""
    yield seaweedfs
    with seaweedfs.client() as client:
        client.delete_bucket_cors(Bucket=seaweedfs.other_bucket)
        client.delete_bucket_lifecycle(Bucket=seaweedfs.other_bucket)


def test_cors_rules_are_set_and_shown(online: Any, clean: Any) -> None:
    """Data on stdout, readable or as JSON; where it went on stderr."""
    empty = online(clean, "cors", "show")
    assert (0, "", f"s3 {clean.other_bucket}, local has no CORS rules\n") == (empty.code, empty.out, empty.err)
    done = online(clean, "cors", "set", "--origin", "https://app.example")
    lines = ["AllowedOrigins: https://app.example", "AllowedMethods: GET, HEAD, PUT", "AllowedHeaders: *"]
    lines += ["ExposeHeaders: ETag, Accept-Ranges, Content-Range, Content-Length", "MaxAgeSeconds: 3600"]
    assert (0, lines) == (done.code, done.lines)
    assert done.err.startswith("set the CORS rules -> ")
    assert f"(s3 {clean.other_bucket}, local)" in done.err
    assert [RULE] == online(clean, "cors", "show", "--json").records
    assert [RULE] == online(clean, "--json", "cors", "show").records


def test_lifecycle_rules_are_set_and_shown(online: Any, clean: Any) -> None:
    """As the CORS rules are."""
    assert (0, "") == ((empty := online(clean, "lifecycle", "show")).code, empty.out)
    assert "Expiration: {\"Days\": 3}" in online(clean, "lifecycle", "set", "--days", "3").lines
    (rule,) = online(clean, "lifecycle", "show", "--json").records
    assert ("assetstore-pending", {"Prefix": "pending/"}, {"Days": 3}) == (rule["ID"], rule["Filter"], rule["Expiration"])


def test_rules_are_printed_without_any_request(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """CORS as a list, which Cloudflare's dashboard takes; a lifecycle as ``aws s3api`` takes it."""
    monkeypatch.setenv("R2_ACCESS_KEY", "0" * 32)
    monkeypatch.setenv("R2_SECRET_KEY", "0" * 64)
    store = "r2:///assets?endpoint_url=http://127.0.0.1:1"
    done = run("cors", "print", "--origin", "https://app.example", "-s", store)
    assert (0, [RULE]) == (done.code, json.loads(done.out))
    done = run("cors", "print", "--origin", "https://app.example", "--delete", "-s", store)
    assert [*RULE["AllowedMethods"], "DELETE"] == json.loads(done.out)[0]["AllowedMethods"]
    rules = json.loads(run("lifecycle", "print", "--prefix", "new/", "-s", store).out)["Rules"]
    assert [{"Prefix": "new/"}] == [rule["Filter"] for rule in rules]
    assert run("cors", "-s", store).out.startswith("Usage: assetstore cors ")


def test_what_a_backend_advises_is_printed(online: Any, emulator: Any) -> None:
    """Where a service does not support a request, its plugin knows better what to do than the command line does."""
    advice = {("cors", "show"): "dashboard", ("gc",): "R2 does so by itself after seven days"}
    for command, expected in advice.items():
        done = online(emulator, *command)
        assert (command, 1, True) == (command, done.code, expected in done.err.partition("  next: ")[2])


def test_mistakes_and_refusals_end_as_those_of_other_commands_do(online: Any, emulator: Any) -> None:
    """Three lines and a code: 2 for a wrong origin, 1 for a service without rules."""
    wrong = online(emulator, "cors", "set", "--origin", "https://app.example/")
    assert (2, "error: cannot set the CORS rules") == (wrong.code, wrong.err.partition(" (")[0])
    unable = online(emulator, "cors", "set", "--origin", "https://app.example")
    assert (1, 3) == (unable.code, len(unable.err.splitlines()))
    assert "assetstore cors print" in unable.err
    assert 2 == online(emulator, "cors", "set").code


@pytest.mark.parametrize("command", [("cors", "set", "--origin", "https://app.example"), ("lifecycle", "show")])
def test_a_folder_says_what_it_has_instead(run: Run, command: tuple[str, ...]) -> None:
    """Whoever looks there for the rules of a bucket is told where to go."""
    done = run("-s", "file:assets", *command)
    assert 1 == done.code
    assert ("origins = " in done.err) == (command[0] == "cors")
    assert f"a folder has no {'CORS rules' if command[0] == 'cors' else 'lifecycle'}" in done.err
