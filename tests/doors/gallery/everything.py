"""What a gallery can show: an asset of each kind, and each page."""

from __future__ import annotations

import io
import wave
import zipfile

from made_files import cube, float_sound

ORIGIN = "https://app.example"
PAGES = {
    "folder": "browse",
    "list": "browse?view=list",
    "empty folder": "browse?prefix=nothing/",
    "nothing of the kind": "browse?kind=models&prefix=maps/",
    "search": "browse?q=keep",
    "second page": "browse?prefix=many/&sort=size",
    "asset that is not there": "asset?key=gone.png",
    "page that is not there": "nothing",
    "model by itself": "model?key=dragon.glb",
    "statistics": "stats",
    "trash": "trash",
    "picker": f"picker?origin={ORIGIN}&pick=image/*",
    "empty picker": f"picker?origin={ORIGIN}&prefix=nothing/",
}


def picture() -> bytes:
    """Return a PNG with transparent corners."""
    from PIL import Image, ImageDraw

    out, image = io.BytesIO(), Image.new("RGBA", (300, 200))
    ImageDraw.Draw(image).ellipse((20, 20, 280, 180), fill="seagreen")
    image.save(out, "PNG")
    return out.getvalue()


def tiff() -> bytes:
    """Return a scan."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (300, 200), "seagreen").save(out, "TIFF")
    return out.getvalue()


def sound() -> bytes:
    """Return a WAV of a second."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    return out.getvalue()


def archive() -> bytes:
    """Return a ZIP of two files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("one.txt", "one")
        file.writestr("two.txt", "two")
    return out.getvalue()


ASSETS = {
    "maps/keep.png": picture(),
    "maps/a name that is so long that it takes more than a line of any card or table 0123456789.png": picture(),
    "scan.tiff": tiff(),
    "photograph.heic": b"\0\0\0\x18ftypheic",
    "film.webm": b"\x1aE\xdf\xa3",
    "bell.wav": sound(),
    "wind.wav": float_sound(),
    "rules.txt": b"Strength 12, <b>and</b> a sword.\n" * 99,
    "weapons.csv": b"name,damage\nsword,1d8\n",
    "hero.json": b'{"name": "Ada", "level": 3}',
    "plan.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "rules.pdf": b"%PDF-1.4\n%%EOF",
    "tiles.zip": archive(),
    "dragon.glb": cube(),
    "runes.ttf": b"\0\1\0\0",
    "taken.bin": b"\0\1\2",
}
DELETED = ("maps/old.png", "a name that is so long that it takes more than a line of any table 0123456789.txt")
"""What is in the trash."""
