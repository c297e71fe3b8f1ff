"""s5cmd, rclone and the command of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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


class Rclone(Command):
    """rclone, with 64 transfers instead of its own 4."""

    def environment(self) -> Mapping[str, str]:
        return {
            "RCLONE_CONFIG": "",
            "RCLONE_CONFIG_B_TYPE": "s3",
            "RCLONE_CONFIG_B_PROVIDER": "Other",
            "RCLONE_CONFIG_B_ENDPOINT": self.place["url"],
            "RCLONE_CONFIG_B_REGION": self.place["region"],
            "RCLONE_CONFIG_B_ACCESS_KEY_ID": self.place["access_key"],
            "RCLONE_CONFIG_B_SECRET_ACCESS_KEY": self.place["secret_key"],
            "RCLONE_CONFIG_B_NO_CHECK_BUCKET": "true",
            "RCLONE_TRANSFERS": str(THREADS),
            "RCLONE_CHECKERS": str(THREADS),
        }

    def count(self, prefix: str) -> int:
        return self.run("lsf", "-R", "--files-only", "--fast-list", f"b:{self.bucket}/{prefix}").count("\n")

    def up(self, path: Path, key: str) -> None:
        self.run("copyto", str(path), f"b:{self.bucket}/{key}")

    def down(self, key: str, path: Path) -> None:
        self.run("copyto", f"b:{self.bucket}/{key}", str(path))

    def many_up(self, folder: Path, prefix: str, names: list[str]) -> None:
        self.run("copy", str(folder), f"b:{self.bucket}/{prefix}")

    def many_down(self, prefix: str, names: list[str], folder: Path) -> None:
        self.run("copy", f"b:{self.bucket}/{prefix}", str(folder))


class Awscli(Command):
    """``aws s3 cp``, with 64 requests at once instead of its own 10."""

    def environment(self) -> Mapping[str, str]:
        file = Path(self.place["ca"]).with_name("aws-config")
        file.write_text(f"[default]\ns3 =\n  max_concurrent_requests = {THREADS}\n  addressing_style = path\n")
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
