#!/usr/bin/env bash
# Guess: Image.open() reads the header and no pixels, as its documentation says, so on a file that seeks over ranges of a remote
#   object the width and height of any picture cost some hundred bytes.
# Instead: for PNG, JPEG, GIF, TIFF and BMP it does; for WebP and AVIF it reads the whole file, before anything of it is asked for.
# Versions: pillow 13.0.0.
# Output seen, 2026-11-28: PNG 57 of 6009493; ...; WEBP 1356968 of 1355082; AVIF 1373478 of 1373462
# Who meets it: whoever measures pictures of an upload in a bucket (Django's ImageField, galleries): each WebP is a download.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q pillow==13.0.0 >/dev/null 2>&1 || exit 77
cat >measure.py <<'PY'
import io
import random

from PIL import Image


class Counting(io.BytesIO):
    count = 0

    def read(self, size=-1):
        data = super().read(size)
        self.count += len(data)
        return data


picture = Image.frombytes("RGB", (2000, 1000), random.Random(1).randbytes(6_000_000))
whole = []
for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "AVIF"):
    packed = io.BytesIO()
    picture.save(packed, kind)
    size = len(packed.getvalue())
    file = Counting(packed.getvalue())
    assert Image.open(file).size == (2000, 1000)
    print(f"{kind} {file.count} of {size}", end="; ")
    whole += [kind] if file.count >= size else []
print(f"read whole for width and height: {', '.join(whole)}")
raise SystemExit(whole != ["WEBP", "AVIF"])
PY
venv/bin/python measure.py
