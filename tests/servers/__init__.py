"""S3 servers that the test session starts on loopback, each with signatures checked."""

from __future__ import annotations

from .emulator import emulator
from .s3_server import S3Server
from .seaweedfs import seaweedfs

__all__ = ["S3Server", "emulator", "seaweedfs"]
