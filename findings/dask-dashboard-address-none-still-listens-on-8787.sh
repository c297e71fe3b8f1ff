#!/usr/bin/env bash
# Guess: LocalCluster(dashboard_address=None) opens no web server, as its docstring says: "Set to None to disable the dashboard".
# Instead: the scheduler's web server listens on 127.0.0.1:8787 all the same and answers 200 for its pages of workers and tasks.
#   A second cluster on the machine finds the port taken and warns, which fails a test run that makes errors of warnings; only
#   dashboard_address=":0", a free port, is quiet.
# Versions: distributed 2026.8.0, without bokeh.
# Output seen, 2026-11-28: None: port 8787, /info/main/workers.html 200, a second cluster warns; ":0": no warning
# Who meets it: whoever runs tests or jobs with a LocalCluster each beside one another on one machine.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q distributed==2026.8.0 >/dev/null 2>&1 || exit 77
cat >finding.py <<'PY'
import urllib.request
import warnings

from distributed import LocalCluster


def warned(address):
    """Open one more cluster; return whether that warns of a port."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with LocalCluster(n_workers=1, processes=False, dashboard_address=address):
            return any("already in use" in str(warning.message) for warning in caught)


if __name__ == "__main__":
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        port = cluster.scheduler.http_server.port
        status = urllib.request.urlopen(f"http://127.0.0.1:{port}/info/main/workers.html", timeout=60).status
        second = "warns" if warned(None) else "does not warn"
        free = "a warning" if warned(":0") else "no warning"
    print(f'None: port {port}, /info/main/workers.html {status}, a second cluster {second}; ":0": {free}')
PY
seen=$(venv/bin/python finding.py 2>/dev/null | tail -1)
echo "$seen"
test "$seen" = 'None: port 8787, /info/main/workers.html 200, a second cluster warns; ":0": no warning'
