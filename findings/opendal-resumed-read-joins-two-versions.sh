#!/usr/bin/env bash
# Guess: a read through OpenDAL's RetryLayer that goes on after a broken connection stays with the version that it began with, or
#   fails: the service names the version, by its ETag, in both answers.
# Instead: it asks for the rest without If-Match and does not compare the ETags. Where the object was overwritten in between, the
#   read succeeds with the beginning of the old version and the rest of the new one.
# Versions: opendal 0.47.12 for Python, service s3, RetryLayer; a server of the standard library that breaks one answer off.
# Output seen, 2026-11-28: read 3000 bytes without an error: 1000 of the old version, then 2000 of the new one
# Who meets it: whoever reads assets that are overwritten in place, over connections that sometimes break.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q opendal==0.47.12 >/dev/null 2>&1 || exit 77
cat >finding.py <<'PY'
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import opendal

SIZE = 3000
requests = []


class OneObject(BaseHTTPRequestHandler):
    """Answers GET and HEAD of one object; breaks the first GET off after 1000 bytes, and then has a new version."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        end = int(found[2]) if found and found[2] else SIZE - 1
        gets = sum(method == "GET" for method, _ in requests)
        requests.append((self.command, self.headers.get("If-Match")))
        letter, etag = (b"o", "old") if gets == 0 else (b"n", "new")
        self.send_response(206 if found else 200)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Content-Length", str(end - start + 1))
        if found:
            self.send_header("Content-Range", f"bytes {start}-{end}/{SIZE}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(letter * (1000 if gets == 0 else end - start + 1))
            self.close_connection = gets == 0

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), OneObject)
threading.Thread(target=server.serve_forever, daemon=True).start()
operator = opendal.Operator(
    "s3",
    bucket="maps",
    endpoint=f"http://127.0.0.1:{server.server_port}",
    region="us-east-1",
    access_key_id="access",
    secret_access_key="secret",
).layer(opendal.layers.RetryLayer())
try:
    data = operator.read("keep")
    joined = re.fullmatch(rb"(o*)(n*)", data)
    print(f"read {len(data)} bytes without an error: {len(joined[1])} of the old version, then {len(joined[2])} of the new one")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
PY
seen=$(venv/bin/python finding.py)
echo "$seen"
test "$seen" = "read 3000 bytes without an error: 1000 of the old version, then 2000 of the new one"
