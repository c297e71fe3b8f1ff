#!/usr/bin/env bash
# Guess: a PUT that names no Content-Type reaches a WSGI application without one, whichever server carries it.
# Instead: below Django's runserver (wsgiref of the standard library) CONTENT_TYPE is "text/plain", and request.content_type with
#   it; below gunicorn both are empty. A bare signed PUT that an application stores with the type it was told becomes text in
#   development and unknown bytes in production.
# Versions: Django 5.2.8 on Python 3.11, gunicorn 23.0.0.
# Output seen, 2026-11-28: runserver text/plain, gunicorn nothing
# Who meets it: whoever mounts an upload endpoint in Django and guesses the type of what came without one.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q Django==5.2.8 gunicorn==23.0.0 >/dev/null 2>&1 || exit 77
cat >app.py <<'PY'
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(DEBUG=False, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", USE_TZ=True)
urlpatterns = [path("", lambda request: HttpResponse(f"<{request.content_type}>", content_type="text/html"))]
application = get_wsgi_application()
if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
PY
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# Prints the type that the application was told of a PUT without one, once the server answers.
told() {
    python3 - "$1" <<'PY'
import http.client, sys, time
for _ in range(200):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
        connection.request("PUT", "/", body=b"\x89PNG", headers={"Content-Length": "4"})
        print(connection.getresponse().read().decode())
        break
    except OSError:
        time.sleep(0.1)
PY
}
port=$(free_port)
venv/bin/python app.py runserver --noreload "127.0.0.1:$port" >/dev/null 2>&1 &
server=$!
by_runserver=$(told "$port")
kill "$server" && wait "$server" 2>/dev/null || true
port=$(free_port)
venv/bin/gunicorn --bind "127.0.0.1:$port" app:application >/dev/null 2>&1 &
server=$!
by_gunicorn=$(told "$port")
kill "$server" && wait "$server" 2>/dev/null || true
server=
echo "a PUT without Content-Type: runserver says $by_runserver, gunicorn says $by_gunicorn"
test "$by_runserver $by_gunicorn" = "<text/plain> <>"
