#!/usr/bin/env bash
# Guess: an ASGI application that Litestar mounts at /assets is told so by root_path, as the ASGI specification has it and as
#   Starlette's Mount does, so that it finds its own paths and builds right links.
# Instead: root_path stays empty, path is what is below the mount with a "/" added at its end, and raw_path is the whole path:
#   the two disagree. What reads raw_path finds another path than what reads path, and request.url_for leaves /assets out.
# Versions: litestar 2.25.0, starlette 1.10.0 on Python 3.11.
# Output seen, 2026-11-28: Litestar path=/a b/ root= raw=/assets/a%20b link=http://server/x, Starlette path=/assets/a b
#   root=/assets raw=/assets/a%20b link=http://server/assets/x
# Who meets it: whoever mounts a server of files or signed URLs, or any Starlette application, in a Litestar application.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q litestar==2.25.0 starlette==1.10.0 httpx==0.28.1 >/dev/null 2>&1 || exit 77
cat >mounted.py <<'PY'
import asyncio

import httpx
from litestar import Litestar, asgi
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route


async def tell(request):
    scope = request.scope
    link = request.url_for("x")
    return PlainTextResponse(f"path={scope['path']} root={scope['root_path']} raw={scope['raw_path'].decode()} link={link}")


inner = Starlette(routes=[Route("/x", tell, name="x"), Route("/{rest:path}", tell)])
by_litestar = Litestar([asgi("/assets", is_mount=True, copy_scope=True)(inner)])
by_starlette = Starlette(routes=[Mount("/assets", inner)])


async def ask(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        return (await client.get("/assets/a%20b")).text


print("Litestar", asyncio.run(ask(by_litestar)) + ",", "Starlette", asyncio.run(ask(by_starlette)))
PY
found=$(venv/bin/python mounted.py)
echo "$found"
wanted="Litestar path=/a b/ root= raw=/assets/a%20b link=http://server/x, "
wanted+="Starlette path=/assets/a b root=/assets raw=/assets/a%20b link=http://server/assets/x"
test "$found" = "$wanted"
