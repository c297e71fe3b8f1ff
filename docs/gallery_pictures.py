"""Makes the pictures of the gallery that the documentation shows: ``python docs/gallery_pictures.py [FOLDER]``.

It fills a store in memory with assets that it draws and composes itself, and takes the pictures with Chromium.
"""

from __future__ import annotations

import colorsys
import io
import itertools
import math
import random
import shutil
import socket
import struct
import sys
import threading
import wave
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import sync_playwright

from assetstore import AssetStore, open_store
from assetstore_gallery import GalleryOptions, create_gallery

PICTURES = Path(__file__).parent / "pictures"
SHOTS = {
    "gallery-grid": ("browse?prefix=campaign/", "light", 1280, 860),
    "gallery-asset": ("asset?key=campaign/The%20old%20keep.webp", "dark", 1280, 860),
    "gallery-phone": ("browse?prefix=campaign/", "light", 360, 720),
}
"""For each picture the page, the colours, and the width and height of the window."""
RULES = b"# House rules\n\nRoll when the outcome is in doubt.\n\n- A 1 fails, a 20 succeeds.\n- Torches last an hour.\n"
SEA, SHALLOWS, SAND, GRASS = (38, 84, 124), (66, 126, 160), (222, 203, 153), (120, 158, 84)
WOOD, ROCK, SNOW, PAPER = (72, 117, 66), (128, 120, 108), (236, 236, 234), (214, 206, 186)


def terrain(seed: int, size: tuple[int, int] = (960, 720)) -> Image.Image:
    """Return a map of sea, beach, wood and rock, with a road."""
    dice = random.Random(seed)  # noqa: S311 - a picture
    heights = Image.new("L", size, 0)
    for cells in (5, 11, 23, 47):
        noise = Image.new("L", (cells, cells))
        noise.putdata([dice.randrange(256) for _ in range(cells * cells)])
        heights = Image.blend(heights, noise.resize(size, Image.Resampling.BICUBIC), 0.5 if cells == 5 else 2.2 / cells)
    shades = (SEA, SHALLOWS, SAND, GRASS, WOOD, ROCK, SNOW)
    low, high = heights.getextrema()
    steps = [min(6, (level - low) * 7 // max(1, high - low)) for level in range(256)]
    bands = [heights.point([shades[max(0, step)][channel] for step in steps]) for channel in range(3)]
    picture = Image.merge("RGB", bands)
    draw = ImageDraw.Draw(picture)
    points = [(size[0] * step // 12, size[1] // 2 + dice.randrange(-90, 90)) for step in range(13)]
    draw.line(points, fill=(110, 82, 56), width=7, joint="curve")
    for x, y in points[2:11:4]:
        draw.polygon([(x - 18, y), (x, y - 22), (x + 18, y)], fill=(150, 52, 44))
        draw.rectangle((x - 13, y, x + 13, y + 16), fill=(232, 222, 196))
    return picture


def token(seed: int) -> Image.Image:
    """Return a round token with transparent corners."""
    hue = seed * 0.137 % 1
    light, dark = (tuple(int(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.55, value)) for value in (0.9, 0.45))
    picture = Image.new("RGBA", (400, 400))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((8, 8, 392, 392), fill=dark)
    draw.ellipse((28, 28, 372, 372), fill=light)
    draw.ellipse((140, 80, 260, 210), fill=dark)
    draw.pieslice((80, 215, 320, 480), 180, 360, fill=dark)
    return picture.filter(ImageFilter.SMOOTH)


def floor_plan(seed: int) -> Image.Image:
    """Return the plan of a dungeon on squared paper."""
    dice = random.Random(seed)  # noqa: S311 - a picture
    picture = Image.new("RGB", (800, 800), (36, 40, 48))
    draw = ImageDraw.Draw(picture)
    rooms = [(dice.randrange(1, 14), dice.randrange(1, 14), dice.randrange(3, 6), dice.randrange(3, 6)) for _ in range(9)]
    for (x, y, _, _), (to_x, to_y, _, _) in itertools.pairwise(rooms):
        corners = ((x, y), (to_x, y), (to_x, to_y))
        draw.line([(across * 40 + 60, down * 40 + 60) for across, down in corners], PAPER, 36)
    for x, y, width, height in rooms:
        draw.rectangle((x * 40, y * 40, (x + width) * 40, (y + height) * 40), fill=PAPER)
    for line in range(0, 800, 40):
        draw.line((line, 0, line, 800), (90, 92, 96))
        draw.line((0, line, 800, line), (90, 92, 96))
    return picture


def stone(seed: int) -> Image.Image:
    """Return a texture of stones."""
    dice = random.Random(seed)  # noqa: S311 - a picture
    picture = Image.new("RGB", (600, 600), (52, 50, 48))
    draw = ImageDraw.Draw(picture)
    for row in range(10):
        left = -dice.randrange(60)
        while left < 600:
            width, shade = dice.randrange(50, 120), dice.randrange(96, 150)
            fill = (shade, shade - 4, shade - 12 + seed % 3 * 8)
            draw.rounded_rectangle((left, row * 60, left + width - 5, row * 60 + 55), 9, fill=fill)
            left += width
    return picture.filter(ImageFilter.GaussianBlur(1))


def encoded(picture: Image.Image, kind: str) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, **({"quality": 82} if kind != "PNG" else {}))
    return out.getvalue()


def sound(pitch: float) -> bytes:
    """Return a WAV of a bell that fades, two seconds long."""
    out, rate = io.BytesIO(), 8000
    levels = (int(20_000 * math.exp(-2 * n / rate) * math.sin(n * pitch * math.tau / rate)) for n in range(2 * rate))
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", level) for level in levels))
    return out.getvalue()


def archive() -> bytes:
    """Return a ZIP of texts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in ("readme.txt", "tiles/floor.txt", "tiles/wall.txt"):
            file.writestr(name, name * 20)
    return out.getvalue()


def assets() -> Iterator[tuple[str, bytes]]:
    """Yield the keys and bytes of a small campaign."""
    maps = ("The old keep", "Salt marshes", "Höhle der Winde", "Crossroads at dusk")
    yield from ((f"campaign/{name}.webp", encoded(terrain(number), "WEBP")) for number, name in enumerate(maps, 3))
    people = ("Ada", "Bertrand", "Chidi", "Dagny", "Emre")
    yield from ((f"campaign/{name}.png", encoded(token(number), "PNG")) for number, name in enumerate(people))
    yield from ((f"campaign/Crypt level {number}.png", encoded(floor_plan(number), "PNG")) for number in (1, 2, 3))
    yield from ((f"campaign/Wall {number}.jpg", encoded(stone(number), "JPEG")) for number in (1, 2))
    bells = {"Alarm bell": 880, "Low gong": 110, "Tavern chime": 523}
    yield from ((f"campaign/{name}.wav", sound(pitch)) for name, pitch in bells.items())
    yield "campaign/House rules.md", RULES
    yield "campaign/Weapons.csv", b"name,damage,weight\n" + b"sword,1d8,3\naxe,1d10,4\n" * 8
    yield "campaign/Calendar.json", b'{"year": 412, "month": "Frostfall", "day": 9}\n'
    yield "campaign/Letter from the abbot.pdf", b"%PDF-1.4\n" + b"% a letter\n" * 400 + b"%%EOF\n"
    yield "campaign/Tiles.zip", archive()
    yield "campaign/Dragon.glb", b"glTF\x02\0\0\0" + bytes(90_000)
    yield "campaign/Ambush.webm", b"\x1aE\xdf\xa3" + bytes(1_200_000)
    for folder in ("Battle maps", "Handouts", "Music", "Tokens"):
        yield from ((f"campaign/{folder}/{number}.txt", b"text\n" * number) for number in range(1, 5))


@contextmanager
def shown(store: AssetStore) -> Iterator[str]:
    """Serve the gallery of a store and give its address."""
    options = GalleryOptions(title="Campaign assets", language="en")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_gallery(store, options), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def take(address: str, save: Callable[[str, bytes], None]) -> None:
    """Take each picture and hand it to ``save`` as PNG."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--no-proxy-server"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        for name, (path, colours, width, height) in SHOTS.items():
            size = {"width": width, "height": height}
            page = browser.new_page(viewport=size, color_scheme=colours, has_touch=width < 500, is_mobile=width < 500)
            page.goto(f"{address}/{path}")
            page.wait_for_load_state("networkidle")
            save(name, page.screenshot())
        browser.close()


def main(folder: Path) -> None:
    """Make the pictures as WebP."""
    folder.mkdir(parents=True, exist_ok=True)

    def save(name: str, png: bytes) -> None:
        with Image.open(io.BytesIO(png)) as picture:
            picture.save(folder / f"{name}.webp", quality=80, method=6)
        print(f"{folder / name}.webp has {(folder / f'{name}.webp').stat().st_size:,} bytes")  # noqa: T201 - the report

    with open_store("memory:") as store:
        for key, data in assets():
            store.upload(data, key=key, metadata={"by": "Ada"} if key.endswith("keep.webp") else None)
        with shown(store) as address:
            take(address, save)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PICTURES)
