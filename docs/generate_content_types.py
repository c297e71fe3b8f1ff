"""Generates ``assetstore/content/types.tsv``: suffix, media type, category, Content-Encoding and source of each.

Run ``python docs/generate_content_types.py`` with npm at hand. The ground is npm's mime-db (MIT), which joins IANA's
registry with Apache's and nginx's tables; the lines below stand on top, each group with its source. Suffixes of which
mime-db knows more than one type keep IANA's.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

MIME_DB = "mime-db@1.54.0"
TARGET = Path(__file__).parents[1] / "assetstore" / "content" / "types.tsv"

# Of two types for one suffix, the one whose source stands first.
SOURCES = ("iana", "mime-db", "apache", "nginx")

# Where the suffix has several meanings, this one is meant; docs/content-types.md says why.
CONFLICTS = """
.3gpp video/3gpp | .ass text/x-ssa | .cjs text/javascript | .emf image/emf | .js text/javascript | .m4a audio/mp4
.m4p audio/mp4 | .mod audio/x-mod | .mp3 audio/mpeg | .mp4 video/mp4 | .mpg4 video/mp4 | .mpp application/vnd.ms-project
.mts video/mp2t | .obj model/obj | .org text/x-org | .pcx image/vnd.zbrush.pcx | .pfm image/x-portable-floatmap
.pot text/x-gettext-translation-template | .rar application/vnd.rar | .rtf application/rtf | .stl model/stl
.tmx application/x-tiled-tmx | .ts video/mp2t | .tsx application/x-tiled-tsx | .wav audio/wav | .wmf image/wmf
.xml text/xml | .xsl application/xslt+xml | .zip application/zip | .prc application/x-mobipocket-ebook | .dic text/plain
.gbr image/x-gimp-gbr | .key application/vnd.apple.keynote | .jfif image/jpeg | .smi application/smil+xml
.x3db model/x3d+fastinfoset | .sgi image/sgi | .ico image/vnd.microsoft.icon | .ra audio/x-pn-realaudio | .rmi audio/midi
.aep application/vnd.adobe.aftereffects.project | .mus application/octet-stream | .yaml application/yaml
.yml application/yaml | .gram application/srgs
"""

# mime-db's type belongs to a rare format, and the suffix in this field to another one, to none, or to several.
LEFT_OUT = """
.x3dz .x3dbz .x3dvz .ram .abc .ac .c4d .cab2 .cat .cpl .com .def .dir .dist .fgd .fly .fnt .gam .in .ink .install .list
.ma .man .map .max .mb .me .ms .msp .one .p .pat .pic .pl .prf .pub .rif .rl .rld .run .s .scd .sls .src .st .stk .sub
.t .td .tr .unityweb .vox .w3d .wif .box .application .x32 .u32 .asc .mdl .wsc .rs .rsat .res .xer .exp .h261 .spot .g3
.ez .mc1 .data .fit .scm .aas .sus .cil .mny .cfs .dp
"""

# (source, lines): what mime-db lacks, or has under a name that players and tools do not use. "common use" stands for the
# names of freedesktop.org's database and of the tools that write these files.
OWN = [
    (
        "iana",
        """
.3mf model/3mf | .otc font/collection | .asx audio/x-ms-asx | .amr audio/amr | .awb audio/amr-wb | .ac3 audio/ac3
.ec3 audio/eac3 | .eac3 audio/eac3 | .dts audio/vnd.dts | .flac audio/flac | .m4b audio/mp4 | .m4r audio/mp4
.mkv video/matroska | .mk3d video/matroska-3d | .mka audio/matroska | .hif image/heic | .heics image/heic-sequence
.avifs image/avif | .j2k image/j2c | .j2c image/j2c | .jpc image/j2c | .psb image/vnd.adobe.photoshop
.hdr image/vnd.radiance | .fts image/fits | .exr image/aces | .svg image/svg+xml | .gpkg application/geopackage+sqlite3
.pmtiles application/vnd.pmtiles | .mvt application/vnd.mapbox-vector-tile | .osm application/vnd.openstreetmap.data+xml
.parquet application/vnd.apache.parquet | .las application/vnd.las | .laz application/vnd.laszip
.shp application/vnd.shp | .shx application/vnd.shx | .dbf application/vnd.dbf
.arrow application/vnd.apache.arrow.file | .cbz application/vnd.comicbook+zip | .cbr application/vnd.comicbook-rar
.tsv text/tab-separated-values | .zst application/zstd | .tzst application/zstd
.deb application/vnd.debian.binary-package | .usdz model/vnd.usdz+zip | .usda model/vnd.usda | .jph image/jph
.jxl image/jxl | .exe application/vnd.microsoft.portable-executable | .dll application/vnd.microsoft.portable-executable
.iso application/vnd.efi.iso | .img application/vnd.efi.img | .m3u8 application/vnd.apple.mpegurl
.eot application/vnd.ms-fontobject | .ifc application/p21 | .p21 model/step | .ogx application/ogg
.dfxp application/ttml+xml | .graphql application/graphql
""",
    ),
    (
        "browsers and players",
        """
.jpg image/jpeg | .jpe image/jpeg | .jif image/jpeg | .pjpeg image/jpeg | .pjp image/jpeg | .mpo image/jpeg
.bmp image/bmp | .cur image/x-icon | .avi video/x-msvideo | .m4v video/x-m4v | .opus audio/ogg | .spx audio/ogg
.oggflac audio/ogg | .oggtheora video/ogg | .f4v video/mp4 | .f4a audio/mp4 | .mid audio/midi | .midi audio/midi
.kar audio/midi | .weba audio/webm | .mjs text/javascript | .wasm application/wasm | .vtt text/vtt | .pls audio/x-scpls
.m3u audio/x-mpegurl | .xht application/xhtml+xml
""",
    ),
    (
        "common use",
        """
.7z application/x-7z-compressed | .bz2 application/x-bzip2 | .tbz2 application/x-bzip2 | .tbz application/x-bzip2
.xz application/x-xz | .txz application/x-xz | .lz4 application/x-lz4 | .lz application/x-lzip
.lzma application/x-lzma | .tgz application/gzip | .taz application/gzip | .gzip application/gzip
.cb7 application/x-cb7 | .cbt application/x-cbt | .ape audio/x-ape | .mpc audio/x-musepack | .mp+ audio/x-musepack
.ofr audio/x-optimfrog | .ofs audio/x-optimfrog | .tak audio/x-tak | .tta audio/x-tta | .wv audio/x-wavpack
.wvp audio/x-wavpack | .dsf audio/x-dsf | .dff audio/x-dff | .it audio/x-it | .s3m audio/x-s3m | .xm audio/x-xm
.stm audio/x-stm | .mtm audio/x-mod | .nst audio/x-mod | .ult audio/x-mod | .uni audio/x-mod | .med audio/x-mod
.669 audio/x-mod | .mptm audio/x-mptm | .voc audio/x-voc | .gsm audio/x-gsm | .w64 audio/x-w64 | .aif audio/x-aiff
.aiff audio/x-aiff | .aifc audio/x-aiff | .caf audio/x-caf | .au audio/basic | .snd audio/basic | .wma audio/x-ms-wma
.sf2 audio/x-soundfont | .sf3 audio/x-soundfont | .aax audio/vnd.audible.aax | .aa audio/x-pn-audibleaudio
.flv video/x-flv | .wmv video/x-ms-wmv | .asf video/x-ms-asf | .fli video/x-fli | .flc video/x-flic
.y4m video/x-yuv4mpeg | .rm application/vnd.rn-realmedia | .nsv video/x-nsv | .anim video/x-anim | .ivf video/x-ivf
.icns image/x-icns | .xcf image/x-xcf | .ora image/openraster | .kra application/x-krita | .qoi image/qoi
.tga image/x-tga | .vda image/x-tga | .icb image/x-tga | .dds image/vnd.ms-dds | .pam image/x-portable-anymap
.pcd image/x-photo-cd | .dcx image/x-dcx | .pict image/x-pict | .lbm image/x-ilbm | .iff image/x-ilbm
.ilbm image/x-ilbm | .rgba image/x-rgb | .bw image/sgi | .fax image/g3fax | .ani application/x-navi-animation
.xbm image/x-xbitmap | .sun image/x-sun-raster | .ras image/x-sun-raster | .im1 image/x-sun-raster | .jng image/x-jng
.wbmp image/vnd.wap.wbmp | .bpg image/bpg | .flif image/flif | .gpl text/x-gimp-palette | .ggr text/x-gimp-gradient
.aseprite image/x-aseprite | .ase image/x-aseprite | .dng image/x-adobe-dng | .cr2 image/x-canon-cr2
.cr3 image/x-canon-cr3 | .crw image/x-canon-crw | .nef image/x-nikon-nef | .nrw image/x-nikon-nrw
.arw image/x-sony-arw | .sr2 image/x-sony-sr2 | .srf image/x-sony-srf | .orf image/x-olympus-orf
.rw2 image/x-panasonic-rw2 | .rwl image/x-panasonic-rw2 | .raf image/x-fuji-raf | .pef image/x-pentax-pef
.srw image/x-samsung-srw | .x3f image/x-sigma-x3f | .mrw image/x-minolta-mrw | .dcr image/x-kodak-dcr
.k25 image/x-kodak-k25 | .kdc image/x-kodak-kdc | .erf image/x-epson-erf | .mos image/x-leaf-mos
.3fr image/x-hasselblad-3fr | .iiq image/x-phaseone-iiq | .mef image/x-mamiya-mef | .blend application/x-blender
.ply model/ply | .fbx model/fbx | .3ds model/x-3ds | .vox model/x-vox | .vrm model/gltf-binary | .lwo model/x-lwo
.off model/x-off | .md2 model/x-md2 | .md3 model/x-md3 | .amf model/x-amf | .drc model/x-draco | .pk3 application/zip
.pk4 application/zip | .wad application/x-doom | .unitypackage application/gzip | .gd application/x-gdscript
.tscn application/x-godot-scene | .tres application/x-godot-resource | .godot application/x-godot-project
.ldtk application/json | .tmj application/json | .tsj application/json | .uvtt application/json
.dd2vtt application/json | .df2vtt application/json | .dungeondraft_map application/json | .topojson application/json
.har application/json | .unity application/yaml | .prefab application/yaml | .scml text/xml | .atlas text/plain
.plist application/x-plist | .gpx application/gpx+xml | .kml application/vnd.google-earth.kml+xml
.kmz application/vnd.google-earth.kmz | .fb2 application/x-fictionbook+xml | .mobi application/x-mobipocket-ebook
.azw3 application/vnd.amazon.mobi8-ebook | .azw application/vnd.amazon.mobi8-ebook | .chm application/vnd.ms-htmlhelp
.fodt application/vnd.oasis.opendocument.text-flat-xml | .fods application/vnd.oasis.opendocument.spreadsheet-flat-xml
.fodp application/vnd.oasis.opendocument.presentation-flat-xml
.fodg application/vnd.oasis.opendocument.graphics-flat-xml | .docbook application/docbook+xml
.jsonl application/x-ndjson | .ndjson application/x-ndjson | .jsonc application/json | .ipynb application/x-ipynb+json
.sqlite application/vnd.sqlite3 | .sqlite3 application/vnd.sqlite3 | .db3 application/vnd.sqlite3
.srt application/x-subrip | .ssa text/x-ssa | .sbv text/x-sbv | .sami application/x-sami | .lrc application/x-lyrics
.cue application/x-cue | .usf text/xml | .xmp application/rdf+xml | .pfa application/x-font-type1
.pfb application/x-font-type1 | .afm application/x-font-afm | .bdf application/x-font-bdf
.dfont application/x-font-dfont | .desktop application/x-desktop | .theme application/x-theme
.mo application/x-gettext-translation | .po text/x-gettext-translation | .rst text/x-rst | .adoc text/x-asciidoc
.asciidoc text/x-asciidoc | .tex text/x-tex | .bib text/x-bibtex | .cfg text/plain | .conf text/plain | .ini text/plain
.log text/plain | .nfo text/plain | .properties text/x-java-properties | .env text/plain | .diff text/x-patch
.patch text/x-patch | .lua text/x-lua | .py text/x-python | .pyw text/x-python | .pyi text/x-python | .rb text/x-ruby
.go text/x-go | .rs text/x-rust | .kt text/x-kotlin | .swift text/x-swift | .cs text/x-csharp | .hpp text/x-c++
.hxx text/x-c++ | .d.ts text/x-typescript | .cts text/x-typescript | .vue text/x-vue | .svelte text/x-svelte
.scala text/x-scala | .glsl text/x-glsl | .vert text/x-glsl | .frag text/x-glsl | .geom text/x-glsl | .comp text/x-glsl
.tesc text/x-glsl | .hlsl text/x-hlsl | .metal text/x-metal | .scss text/x-scss | .sass text/x-sass
.cmake text/x-cmake | .mk text/x-makefile | .bat application/x-msdos-batch | .cmd application/x-msdos-batch
.ps1 application/x-powershell | .bash application/x-sh | .zsh application/x-sh | .fish application/x-fishscript
.ttml application/ttml+xml | .opml text/x-opml | .ics text/calendar | .dtd application/xml-dtd
.ts.map application/json | .js.map application/json | .mjs.map application/json | .cjs.map application/json
.css.map application/json | .h5 application/x-hdf5 | .hdf5 application/x-hdf5 | .npy application/x-npy
.npz application/zip | .whl application/zip | .jar application/java-archive
.apk application/vnd.android.package-archive | .musicxml application/vnd.recordare.musicxml+xml
.mxl application/vnd.recordare.musicxml | .sfz text/plain | .torrent application/x-bittorrent
.xlsb application/vnd.ms-excel.sheet.binary.macroenabled.12
""",
    ),
]

# Other names of a type, beside those that differ in "x-" alone, as browsers, systems and older tables give them.
ALIASES = """
application/acrobat application/pdf | application/ecmascript text/javascript | application/font-otf font/otf
application/font-sfnt font/ttf | application/font-ttf font/ttf | application/font-woff font/woff
application/font-woff2 font/woff2 | application/vnd.font-opentype font/otf | application/x-font-otf font/otf
application/x-font-ttf font/ttf | application/x-font-woff font/woff | application/javascript text/javascript
application/node text/javascript | application/x-javascript text/javascript | text/ecmascript text/javascript
application/jsonl application/x-ndjson
application/jsonlines application/x-ndjson | application/photoshop image/vnd.adobe.photoshop
application/rar application/vnd.rar | application/x-rar-compressed application/vnd.rar | application/wave audio/wav
application/x-compressed-zip application/zip | application/x-zip-compressed application/zip
application/x-gunzip application/gzip | application/x-photoshop image/vnd.adobe.photoshop
application/x-rtf application/rtf | text/rtf application/rtf | application/x-yaml application/yaml
text/yaml application/yaml | text/x-yaml application/yaml | application/xml text/xml | application/csv text/csv
text/comma-separated-values text/csv | application/x-sqlite3 application/vnd.sqlite3
application/x-msdownload application/vnd.microsoft.portable-executable
application/x-dosexec application/vnd.microsoft.portable-executable | application/x-iso9660-image application/vnd.efi.iso
application/x-cbz application/vnd.comicbook+zip | image/x-tiff image/tiff | application/x-cbr application/vnd.comicbook-rar
application/x-mpegurl audio/x-mpegurl | audio/mpegurl audio/x-mpegurl | audio/aacp audio/aac | audio/x-hx-aac-adts audio/aac
audio/m4a audio/mp4 | audio/x-m4a audio/mp4 | audio/x-m4b audio/mp4 | audio/mp3 audio/mpeg | audio/x-mp3 audio/mpeg
audio/mpeg3 audio/mpeg | audio/x-mpg audio/mpeg | audio/opus audio/ogg | audio/vorbis audio/ogg | audio/wave audio/wav
audio/vnd.wave audio/wav | audio/x-pn-wav audio/wav | audio/mid audio/midi | audio/sp-midi audio/midi
audio/x-caf audio/x-caf | audio/aiff audio/x-aiff | audio/vnd.dolby.dd-raw audio/ac3 | image/jpg image/jpeg
image/pjpeg image/jpeg | image/jfif image/jpeg | image/x-citrix-jpeg image/jpeg | image/x-citrix-png image/png
image/apng image/png | image/icon image/vnd.microsoft.icon | image/x-icon image/vnd.microsoft.icon
image/x-win-bitmap image/vnd.microsoft.icon | image/ico image/vnd.microsoft.icon | image/ms-bmp image/bmp
image/x-ms-bmp image/bmp | image/x-windows-bmp image/bmp | image/psd image/vnd.adobe.photoshop
image/x-psd image/vnd.adobe.photoshop | image/x-dds image/vnd.ms-dds | image/heif image/heic
image/heif-sequence image/heic | image/heic-sequence image/heic | image/avif-sequence image/avif | image/svg image/svg+xml
image/x-exr image/aces | image/x-pcx image/vnd.zbrush.pcx | image/targa image/x-tga | image/x-targa image/x-tga
image/x-xwd image/x-xwindowdump | image/dng image/x-adobe-dng | text/x-markdown text/markdown
text/x-subrip application/x-subrip | text/x-ass text/x-ssa | model/x.stl-ascii model/stl | model/x.stl-binary model/stl
application/sla model/stl | application/x-navistyle model/stl | text/x-gettext text/x-gettext-translation
video/avi video/x-msvideo | video/vnd.avi video/x-msvideo | video/msvideo video/x-msvideo | video/m4v video/mp4
video/x-m4v video/mp4 | video/mkv video/matroska | video/flash video/x-flv | video/mpeg2 video/mpeg | video/mp2p video/mpeg
video/mp1s video/mpeg | video/asf video/x-ms-asf | application/vnd.ms-asf video/x-ms-asf | video/x-ms-wm video/x-ms-wmv
video/3gpp video/3gpp | audio/3gpp video/3gpp | audio/3gpp2 video/3gpp2 | audio/basic audio/basic | audio/au audio/basic
"""

# Files whose bytes are packed, while the suffix before says what they are: SVG's registration defines .svgz, and the loaders
# of game engines and of web sites ask for the others.
ENCODED = {
    ".svgz": ("image/svg+xml", "gzip"),
    **{
        f"{inner}.{outer}": (kind, encoding)
        for outer, encoding in (("gz", "gzip"), ("br", "br"))
        for inner, kind in {
            ".wasm": "application/wasm",
            ".js": "text/javascript",
            ".mjs": "text/javascript",
            ".css": "text/css",
            ".data": "application/octet-stream",
            ".symbols.json": "application/json",
        }.items()
    },
}

DOCUMENTS = """
application/epub+zip application/json application/jsonml+json application/json5 application/hjson application/x-ndjson
application/ld+json application/x-ipynb+json application/msword application/pdf application/rtf application/toml
application/yaml application/xml application/xhtml+xml application/xml-dtd application/xslt+xml application/ttml+xml
application/sql application/postscript application/x-subrip application/x-sami application/x-lyrics application/x-tex
application/x-latex application/x-texinfo application/vnd.apple.pages application/vnd.apple.numbers
application/vnd.apple.keynote application/vnd.wordperfect application/x-abiword application/vnd.visio application/onenote
application/x-mspublisher application/x-mswrite application/vnd.comicbook+zip application/vnd.comicbook-rar
application/x-cbr application/x-cb7 application/x-cbt application/x-mobipocket-ebook application/x-fictionbook+xml
application/vnd.amazon.ebook application/vnd.amazon.mobi8-ebook application/oebps-package+xml application/docbook+xml
application/tei+xml application/vnd.ms-excel application/vnd.ms-powerpoint application/vnd.ms-project
application/vnd.ms-works application/vnd.ms-wpl application/vnd.ms-htmlhelp application/vnd.ms-xpsdocument
application/oxps application/vnd.sun.xml.writer application/vnd.sun.xml.calc application/vnd.sun.xml.impress
application/x-dtbncx+xml application/graphql application/x-research-info-systems
"""
DOCUMENT_PREFIXES = (
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
    "application/vnd.ms-excel.",
    "application/vnd.ms-powerpoint.",
    "application/vnd.ms-word.",
    "application/vnd.sun.xml.writer.",
)
CATEGORIES = {"image": "images", "video": "videos", "audio": "audio", "text": "documents"}


def category(kind: str) -> str:
    """Return the category of a media type."""
    if kind in DOCUMENTS.split() or kind.startswith(DOCUMENT_PREFIXES):
        return "documents"
    return CATEGORIES.get(kind.partition("/")[0], "other")


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield suffix and type of each ``.suffix type``."""
    for entry in text.replace("\n", "|").split("|"):
        if entry.strip():
            suffix, kind = entry.split()
            yield suffix.lower(), kind


def fetched() -> dict[str, dict[str, object]]:
    """Return mime-db's table."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", MIME_DB], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607 - npm, and a fixed name
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            file = packed.extractfile("package/db.json")
            assert file is not None
            return json.load(file)


def table() -> dict[str, tuple[str, str, str]]:
    """Return ``{suffix: (type, encoding, source)}``."""
    found: dict[str, tuple[str, str, str]] = {}
    for kind, entry in sorted(fetched().items()):
        source = str(entry.get("source", "mime-db"))
        for suffix in entry.get("extensions", ()):  # type: ignore[attr-defined]  # a list of strings
            known = found.get(f".{suffix}")
            if known is None or SOURCES.index(source) < SOURCES.index(known[2]):
                found[f".{suffix}"] = kind.lower(), "", source
    for suffix in LEFT_OUT.split():
        found.pop(suffix, None)
    for source, text in (*OWN, ("decided", CONFLICTS)):
        found |= {suffix: (kind, "", source) for suffix, kind in pairs(text)}
    found |= {suffix: (kind, encoding, "Content-Encoding") for suffix, (kind, encoding) in ENCODED.items()}
    return found


def main() -> None:
    """Write the table."""
    rows = ["# Generated by docs/generate_content_types.py from mime-db and the lines there: change those.\n"]
    rows += [
        "\t".join((suffix, kind, category(kind), encoding, source)) + "\n"
        for suffix, (kind, encoding, source) in sorted(table().items())
        if kind != "application/octet-stream" or encoding
    ]
    rows += [f"{alias}\t{kind}\t\t\talias\n" for alias, kind in sorted(pairs(ALIASES)) if alias != kind]
    TARGET.write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
