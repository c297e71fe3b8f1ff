"""Every contender behind the same few calls. Runs with the Python of each peer, so it imports no package at the top.

Each uses its library as its documentation shows, with the library's own parts and numbers of connections for a large asset,
and 64 threads or transfers for many assets where that can be said. All trust the CA of the server, and none checks less.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from bench.clients.awaited import Aioboto3, AssetstoreAio, ObstoreAsync
from bench.clients.base import Client
from bench.clients.boto import Boto3, Cloudpathlib, Crt
from bench.clients.commands import Awscli, Juicefs, Rclone, S5cmd
from bench.clients.django_storages import AssetstoreDjango, FileSystemStorage, S3Storage
from bench.clients.file_systems import AssetstoreFsspec, ObstoreFsspec, S3fs
from bench.clients.ours import Assetstore, AssetstoreCommand
from bench.clients.python import MinioPy, SmartOpen
from bench.clients.rust import Obstore, Opendal

CLIENTS: Mapping[str, type[Client]] = {
    "assetstore": Assetstore,
    "assetstore CLI": AssetstoreCommand,
    "boto3": Boto3,
    "boto3[crt]": Crt,
    "obstore": Obstore,
    "opendal": Opendal,
    "minio-py": MinioPy,
    "s3fs": S3fs,
    "cloudpathlib": Cloudpathlib,
    "s5cmd": S5cmd,
    "rclone": Rclone,
    "awscli": Awscli,
    "juicefs": Juicefs,
    "assetstore fsspec": AssetstoreFsspec,
    "obstore fsspec": ObstoreFsspec,
    "assetstore aio": AssetstoreAio,
    "aioboto3": Aioboto3,
    "obstore async": ObstoreAsync,
    "assetstore django": AssetstoreDjango,
    "django-storages": S3Storage,
    "Django": FileSystemStorage,
    "smart-open": SmartOpen,
}


def connect(name: str, option: str, place: Mapping[str, str]) -> Client:
    """Make the client of a contender, its environment first."""
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    os.environ |= dict.fromkeys(("AWS_CA_BUNDLE", "SSL_CERT_FILE"), place["ca"])
    return CLIENTS[name](place, option)
