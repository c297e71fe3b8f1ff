#!/usr/bin/env bash
# Guess: distributed.wait(futures) and as_completed(futures) use the client that made the futures; so a library can make a client
#   of its own with set_as_default=False, and leave the user's alone.
# Instead: both ask for the default client, and without one raise "No clients found", although each future knows its client and
#   future.result() works. as_completed(futures, loop=client.loop) does; wait() needs "with client.as_current()".
# Versions: distributed 2026.8.0 on Python 3.11.
# Output seen, 2026-11-28: result: 1; wait: No clients found; as_completed: No clients found; with loop: 3; as_current: 3
# Who meets it: a library that takes results as they come, on a client of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q distributed==2026.8.0 dask==2026.8.0 >/dev/null 2>&1 || exit 77
cat >library.py <<'PY'
from distributed import Client, LocalCluster, as_completed, wait

if __name__ == "__main__":
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        with Client(cluster, set_as_default=False) as client:
            futures = client.map(abs, [-1, -2, -3])
            seen = [f"result: {futures[0].result()}"]
            for call in (wait, as_completed):
                try:
                    seen.append(f"{call.__name__}: {len(list(call(futures)))}")
                except ValueError as error:
                    seen.append(f"{call.__name__}: {str(error).splitlines()[0]}")
            seen.append(f"with loop: {len(list(as_completed(futures, loop=client.loop)))}")
            with client.as_current():
                seen.append(f"as_current: {len(wait(futures).done)}")
            print("; ".join(seen))
PY
found=$(venv/bin/python library.py 2>/dev/null)
echo "$found"
test "$found" = "result: 1; wait: No clients found; as_completed: No clients found; with loop: 3; as_current: 3"
