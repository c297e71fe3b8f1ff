#!/usr/bin/env bash
# Guess: when DataFrame.to_csv("s3://...") raises in the middle, the object stays as it was: an upload to S3 is stored only when it
#   is completed, and pandas has no reason to complete it after an error.
# Instead: pandas closes the file that it opened by fsspec as if all were well, so s3fs completes the upload. The old object is
#   gone, and a table that ends in the middle of its rows, well formed, is in its place. With `with open(...) as file` around it
#   and the file passed to to_csv the same happens, as fsspec's files complete on any close.
# Versions: pandas 3.1.1, s3fs 2026.9.0, moto 5.2.5 as the server.
# Output seen, 2026-11-28: to_csv raised TypeError; the object had 3 rows of 3 before, has 100000 of 100001 now
# Who meets it: whoever replaces a table in a bucket in place from data in which one value has no text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q pandas==3.1.1 s3fs==2026.9.0 'moto[server]==5.2.5' >/dev/null 2>&1 || exit 77
cat >finding.py <<'PY'
import logging

import pandas
import s3fs
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
access = {"key": "access", "secret": "secret", "endpoint_url": f"http://{host}:{port}"}
s3fs.S3FileSystem(**access).mkdir("tables")


class Point:
    """A value whose text cannot be made."""

    def __str__(self):
        raise TypeError("no text")


url = "s3://tables/points.csv"
pandas.DataFrame({"n": range(3)}).to_csv(url, index=False, storage_options=access)
before = len(pandas.read_csv(url, storage_options=access))
raised = "nothing"
try:
    pandas.DataFrame({"n": [*range(100_000), Point()]}).to_csv(url, index=False, storage_options=access)
except TypeError as error:
    raised = type(error).__name__
now = len(pandas.read_csv(url, storage_options=access))
print(f"to_csv raised {raised}; the object had {before} rows of 3 before, has {now} of 100001 now")
server.stop()
PY
seen=$(venv/bin/python finding.py 2>/dev/null | tail -1)
echo "$seen"
test "$seen" = "to_csv raised TypeError; the object had 3 rows of 3 before, has 100000 of 100001 now"
