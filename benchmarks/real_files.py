"""Judges real files of public packages: how many get the right type, how many genuine and misnamed ones are refused.

Run: ``python benchmarks/real_files.py FOLDER``. The packages are fetched into FOLDER once (1.8 GB unpacked), by ``apt-get``
(Debian 12), ``npm`` and PyPI's index. At most 8 files of a suffix are judged, taken from the packages in turn. What is right
for a suffix stands in ``real_types.tsv`` beside this file, checked by hand against IANA's registry and common names.
"""

from __future__ import annotations

import collections
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

from assetstore.content.content_types import canonical
from assetstore.content.sniffing import HEAD_BYTES, TAIL_BYTES, needs_tail, refusal, unpacked
from assetstore.plugin import category_of, guess_content_encoding, guess_content_type

DEBIAN = """
adwaita-icon-theme asc-music blender-data breeze-cursor-theme endless-sky-data fonts-dejavu-core fonts-font-awesome
fonts-lato fonts-liberation fonts-mathjax fonts-noto-color-emoji forensics-samples-files freedroid-data freepats
frozen-bubble-data gcompris-qt-data gnome-backgrounds golly hydrogen-data jbigkit-testdata kodi-data libheif-examples
libjxl-testdata libonnx-testdata libreoffice-common lincity-ng-data lmms-common minetest-data openscad-testing-data
openttd-opengfx openttd-openmsx openttd-opensfx oxygen-sounds pingus-data pocketsphinx-testdata sound-theme-freedesktop
tiled timgm6mb-soundfont wesnoth-1.16-ei xmoto-data
""".split()
NPM = """
@babylonjs/havok@1.3.14 @fontsource/inter@5.3.0 @google/model-viewer@4.4.0 @khronosgroup/gltf-viewer@1.1.0
@mapbox/mapbox-gl-supported@3.0.0 @needle-tools/materialx@1.4.6 @pixi/assets@7.4.3 @types/three@0.187.0
@webxr-input-profiles/assets@1.0.20 babylonjs-loaders@9.28.0 cesium@1.110.0 file-type-checker@1.1.7 fonteditor-core@2.6.3
lottie-web@5.13.0 magic-bytes.js@1.13.1 mime-db@1.54.0 music-metadata@11.16.1 occt-import-js@0.0.23 sql.js@1.16.0
three-gltf-viewer@1.0.8 three@0.160.0 tone@15.5.44
""".split()
PYPI = """
ebooklib==0.20 filetype==1.2.0 fonttools==4.68.0 hachoir==3.4.0 imageio==2.38.1 music21==10.5.1 mutagen==1.48.1
odfpy==1.4.1 openpyxl==3.1.5 pikepdf==10.18.0 pillow==13.0.0 pillow-heif==1.8.1 pretty_midi==0.2.11.post0 puremagic==2.2.0
pysubs2==1.9.0 python-docx==1.2.0 python-pptx==1.0.2 pytmx==3.32 soundfile==0.14.0 tinytag==2.3.2 trimesh==5.2.0
webvtt-py==0.6.0
""".split()
MOST = 8

# Files that are not what their names say: broken on purpose, placeholders, or of another format, as looked at one by one.
OTHERS = set(
    """
    3mf-export-expected.3mf image1.BMP no_cursors.cur dummy.mp4 ter-x20b-cp1250.pbm ter-x20b-iso8859-1.pbm
    ter-x20b-iso8859-2.pbm courB08.pbm 10x20.pbm ossfuzz-4836216264589312.pcx SGENPRT.PS invalid_format1.srt
    invalid_format2.srt invalid_format3.srt invalid.vtt
    """.split()
)
DTD_MODULES = "share/dtd"

# Names of the matrix of misnamed files; each content of CONTENTS is tried under each.
NAMES = """
png jpg gif webp avif heic jxl bmp tif ico mp4 webm mkv mov avi mp3 m4a ogg wav mid pdf zip epub flac aac docx xlsx odt
doc xls rtf gz 7z rar tar wasm json yaml toml webmanifest psd obj ttf otf woff woff2 glb gltf csv txt css js vtt srt svg
xml html md sh
""".split()
# Content: the names that are right for it, or harmless.
TEXT = {"csv", "css", "js", "md", "obj", "sh", "toml", "txt", "yaml"}
CONTENTS = {
    "png": {"png"},
    "jpg": {"jpg"},
    "mp3": {"mp3"},
    "ogg": {"ogg"},
    "wav": {"wav"},
    "mp4": {"mp4", "m4a", "mov"},
    "pdf": {"pdf"},
    "zip": {"zip"},
    "docx": {"docx", "zip"},
    "woff2": {"woff2"},
    "ttf": {"ttf", "otf"},
    "glb": {"glb"},
    "gz": {"gz"},
    "ELF": set(),
    "PE": set(),
    "7z": {"7z"},
    "psd": {"psd"},
    "html": {"html", "md"},
    "svg": {"svg", "xml", "html", "md"},
    "xml": {"xml", "md", "html", "txt"},
    # JSON is YAML, and an array or object is a script's expression.
    "json": {"json", "webmanifest", "gltf", "yaml", "js", "txt", "md"},
    "txt": {"txt", "md", "csv", "yaml"},
    "js": {"js", "txt", "md"},
    "sh": {"sh", "txt", "md"},
    # Nothing is a text of no lines; a TAR of no members is zeros.
    "empty": TEXT - {"obj"},
    "zeros": {"tar"},
}


def fetch(folder: Path) -> None:
    """Download and unpack what is not there yet."""
    for name in DEBIAN:
        with _new(folder / "debian" / name) as target:
            if target:
                subprocess.run(["apt-get", "download", "-qq", name], cwd=target, check=True)
                (archive,) = target.glob("*.deb")
                subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
    for spec in NPM:
        with _new(folder / "npm" / spec.replace("/", "+")) as target:
            if target:
                subprocess.run(["npm", "pack", "--silent", spec], cwd=target, check=True, stdout=subprocess.DEVNULL)
                _unpack(next(target.glob("*.tgz")), target)
    for spec in PYPI:
        with _new(folder / "pypi" / spec) as target:
            if target:
                _unpack(_sdist(spec, target), target)


class _new:  # noqa: N801 - used as a function
    """A folder that stays only if the block succeeds; ``None`` if it is there already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = folder.exists()

    def __enter__(self) -> Path | None:
        if self.there:
            return None
        self.folder.mkdir(parents=True)
        return self.folder

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not self.there:
            shutil.rmtree(self.folder)


def _sdist(spec: str, target: Path) -> Path:
    name, version = spec.split("==")
    index = f"https://pypi.org/simple/{name}/"
    request = urllib.request.Request(index, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    ends = tuple(f"-{version}{suffix}" for suffix in (".tar.gz", ".zip", ".tar.bz2"))
    with urllib.request.urlopen(request) as answer:
        entry = next(entry for entry in json.load(answer)["files"] if entry["filename"].endswith(ends))
    file = target / entry["filename"]
    with urllib.request.urlopen(urllib.parse.urljoin(index, entry["url"])) as answer:
        file.write_bytes(answer.read())
    return file


def _unpack(archive: Path, target: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(target)
    else:
        with tarfile.open(archive) as packed:
            packed.extractall(target, filter="data")
    archive.unlink()


def right_types() -> dict[str, tuple[set[str], str]]:
    """Return ``{suffix: (right types, category)}``."""
    lines = Path(__file__).with_name("real_types.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {suffix: ({canonical(kind) for kind in kinds.split()}, category) for suffix, kinds, category in rows}


def chosen(folder: Path, suffixes: set[str]) -> dict[str, list[Path]]:
    """Return at most MOST different files of each suffix, from the packages in turn."""
    found: dict[str, dict[str, list[Path]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    for package in sorted(folder.glob("*/*")):
        for path in sorted(package.rglob("*")):
            suffix = path.suffix[1:].lower() if path.suffix != ".map" else "".join(path.suffixes[-2:])[1:].lower()
            if suffix not in suffixes or path.name in OTHERS or DTD_MODULES in str(path):
                continue
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                found[suffix][package.name].append(path)
    return {suffix: list(_in_turn(list(packages.values()))) for suffix, packages in sorted(found.items())}


def _in_turn(groups: list[list[Path]]) -> Iterator[Path]:
    seen: set[str] = set()
    while groups and len(seen) < MOST:
        for group in list(groups):
            digest = hashlib.sha256(group[0].read_bytes()).hexdigest()
            if digest not in seen and len(seen) < MOST:
                seen.add(digest)
                yield group[0]
            del group[0]
            if not group:
                groups.remove(group)


def judged(name: str, head: bytes, tail: bytes) -> str | None:
    """Return why a direct upload of these bytes under this name is refused, or ``None``."""
    kind = guess_content_type(name)
    shown = unpacked(head, guess_content_encoding(name))
    if shown is None:
        return None
    return refusal(kind, shown, tail=tail if needs_tail(kind, shown) else b"")


def main() -> None:
    """Fetch the packages, and print the counts and what is wrong."""
    folder = Path(sys.argv[1])
    fetch(folder)
    truth = right_types()
    files = chosen(folder, set(truth))
    typed = placed = refused = total = 0
    spent = 0.0
    for suffix, paths in files.items():
        kinds, category = truth[suffix]
        for path in paths:
            total += 1
            kind = guess_content_type(path.name)
            typed += canonical(kind) in kinds
            placed += category_of(kind) == category
            if canonical(kind) not in kinds or category_of(kind) != category:
                print(f"wrong: {path.name}: {kind}, {category_of(kind)}; right is {' or '.join(kinds)}, {category}")
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
                file.seek(-min(TAIL_BYTES, path.stat().st_size), 2)
                tail = file.read()
            start = time.perf_counter()
            reason = judged(path.name, head, tail)
            spent += time.perf_counter() - start
            if reason:
                refused += 1
                print(f"refused: {path.relative_to(folder)}: {reason}")
    print(f"{total} files of {len(files)} suffixes: {typed} types and {placed} categories right, {refused} genuine refused")
    print(f"{spent / total * 1e6:.1f} microseconds a file")
    _misnamed(files)


def _misnamed(files: dict[str, list[Path]]) -> None:
    contents = {name: files[name][0].read_bytes() for name in CONTENTS if name in files}
    contents |= {
        "ELF": Path(sys.executable).read_bytes()[:HEAD_BYTES],
        "PE": files["exe"][0].read_bytes(),
        "empty": b"",
        "zeros": bytes(10_240),
        "xml": b'<?xml version="1.0" encoding="UTF-8"?>\n<map version="1.10" tiledversion="1.10.2"/>\n',
        "txt": b"Strength 12, and a sword.\nThe keep has two gates.\n",
        "json": b'{"name": "keep", "gates": 2}\n',
        "sh": b"#!/bin/sh\nset -eu\necho done\n",
    }
    pairs = [(content, name) for content, right in CONTENTS.items() for name in NAMES if name not in right]
    cuts = {name: (data[:HEAD_BYTES], data[-TAIL_BYTES:]) for name, data in contents.items()}
    taken = [(content, name) for content, name in pairs if judged(f"a.{name}", *cuts[content]) is None]
    binary = [pair for pair in pairs if pair[0] not in ("html", "svg", "xml", "json", "txt", "js", "sh", "empty")]
    missed = [pair for pair in taken if pair in binary]
    for content, right in CONTENTS.items():
        for name in right:
            if reason := judged(f"a.{name}", *cuts[content]):
                print(f"refused: {content} as {name}: {reason}")
    print("taken:", ", ".join(f"{content} as {name}" for content, name in taken))
    print(f"{len(CONTENTS)} contents under {len(NAMES)} names, {len(pairs)} of them misnamed: {len(taken)} taken,", end=" ")
    share, binary_share = 1 - len(taken) / len(pairs), 1 - len(missed) / len(binary)
    print(f"{share:.1%} refused, {binary_share:.1%} of the {len(binary)} with binary contents")


if __name__ == "__main__":
    main()
