"""s5cmd, rclone, JuiceFS and the command of AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench.clients.base import THREADS, Command


class S5cmd(Command):
    """s5cmd; the option is the number of its workers instead of its own 256."""

    def open(self, option: str) -> None:
        workers = ["--numworkers", option] if option else []
        self.first = ["--endpoint-url", self.place["url"], "--log", "error", *workers]

    def count(self, prefix: str) -> int:
        return self.run(*self.first[:2], "ls", f"s3://{self.bucket}/{prefix}*").count("\n")

    def up(self, path: Path, key: str) -> None:
        self.run(*self.first, "cp", str(path), f"s3://{self.bucket}/{key}")

    def down(self, key: str, path: Path) -> None:
        self.run(*self.first, "cp", f"s3://{self.bucket}/{key}", str(path))

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        self.run(*self.first, "cp", f"{folder}/", f"s3://{self.bucket}/{prefix}")

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        self.run(*self.first, "cp", f"s3://{self.bucket}/{prefix}*", f"{folder}/")

    def sync_up(self, folder: Path, prefix: str) -> None:
        self.run(*self.first, "sync", f"{folder}/", f"s3://{self.bucket}/{prefix}")


class Rclone(Command):
    """rclone, with 64 transfers instead of its own 4; the options "own" and "fast-list" leave it those."""

    def open(self, option: str) -> None:
        own = {"own": [], "fast-list": ["--fast-list"]}
        self.numbers = own[option] if option in own else ["--transfers", str(THREADS), "--checkers", str(THREADS)]

    def environment(self) -> Mapping[str, str]:
        remotes = {"B": self.place} | ({"C": json.loads(self.place["other"])} if "other" in self.place else {})
        made = {"RCLONE_CONFIG": ""}
        for letter, place in remotes.items():
            values = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": place["url"], "REGION": place["region"]}
            values |= {"ACCESS_KEY_ID": place["access_key"], "SECRET_ACCESS_KEY": place["secret_key"]}
            values |= {"NO_CHECK_BUCKET": "true"}
            made |= {f"RCLONE_CONFIG_{letter}_{name}": value for name, value in values.items()}
        return made

    def count(self, prefix: str) -> int:
        return self.run("lsf", "-R", "--files-only", "--fast-list", f"b:{self.bucket}/{prefix}").count("\n")

    def up(self, path: Path, key: str) -> None:
        self.run("copyto", str(path), f"b:{self.bucket}/{key}")

    def down(self, key: str, path: Path) -> None:
        self.run("copyto", f"b:{self.bucket}/{key}", str(path))

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        self.run(*self.numbers, "copy", str(folder), f"b:{self.bucket}/{prefix}")

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        self.run(*self.numbers, "copy", f"b:{self.bucket}/{prefix}", str(folder))

    def sync_up(self, folder: Path, prefix: str) -> None:
        self.run(*self.numbers, "sync", str(folder), f"b:{self.bucket}/{prefix}")

    def sync_across(self, prefix: str) -> None:
        other = json.loads(self.place["other"])["bucket"]
        self.run(*self.numbers, "sync", f"b:{self.bucket}/{prefix}", f"c:{other}/{prefix}")

    def check(self, prefix: str) -> None:
        other = json.loads(self.place["other"])["bucket"]
        self.run(*self.numbers, "check", f"b:{self.bucket}/{prefix}", f"c:{other}/{prefix}")


class Awscli(Command):
    """``aws s3 cp``, with 64 requests at once instead of its own 10; the option "own" leaves it those."""

    def open(self, option: str) -> None:
        self.numbers = "" if option == "own" else f"  max_concurrent_requests = {THREADS}\n"

    def environment(self) -> Mapping[str, str]:
        file = Path(self.place["ca"]).with_name("aws-config")
        file.write_text(f"[default]\ns3 =\n{self.numbers}  addressing_style = path\n")
        return {**super().environment(), "AWS_CONFIG_FILE": str(file), "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}

    def _copy(self, source: str, target: str, *options: str) -> str:
        return self.run("s3", "cp", source, target, *options, "--only-show-errors", "--endpoint-url", self.place["url"])

    def count(self, prefix: str) -> int:
        url = f"s3://{self.bucket}/{prefix}"
        return self.run("s3", "ls", "--recursive", url, "--endpoint-url", self.place["url"]).count("\n")

    def up(self, path: Path, key: str) -> None:
        self._copy(str(path), f"s3://{self.bucket}/{key}")

    def down(self, key: str, path: Path) -> None:
        self._copy(f"s3://{self.bucket}/{key}", str(path))

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        self._copy(str(folder), f"s3://{self.bucket}/{prefix}", "--recursive")

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        self._copy(f"s3://{self.bucket}/{prefix}", str(folder), "--recursive")

    def sync_up(self, folder: Path, prefix: str) -> None:
        target = f"s3://{self.bucket}/{prefix}"
        self.run("s3", "sync", str(folder), target, "--only-show-errors", "--endpoint-url", self.place["url"])


class Juicefs(Command):
    """``juicefs sync``, with 64 threads instead of its own 10; the option "own" leaves it those."""

    def open(self, option: str) -> None:
        self.numbers = [] if option == "own" else ["--threads", str(THREADS)]

    def sync_up(self, folder: Path, prefix: str) -> None:
        self.run("sync", *self.numbers, "--quiet", f"{folder}/", self._url(self.place, prefix))

    def sync_across(self, prefix: str) -> None:
        other = self._url(json.loads(self.place["other"]), prefix)
        self.run("sync", *self.numbers, "--quiet", self._url(self.place, prefix), other)

    def _url(self, place: Mapping[str, str], prefix: str) -> str:
        server = urlsplit(place["url"])
        scheme = "s3" if server.scheme == "https" else "minio"  # minio is plain HTTP there
        return f"{scheme}://{place['access_key']}:{place['secret_key']}@{server.netloc}/{place['bucket']}/{prefix}"
