"""The beginnings of files: how each looks, and which media types may begin so.

Sources: WHATWG MIME Sniffing, the formats' own specifications, and ``file`` on real files.
"""

from __future__ import annotations

# (pattern at the first byte, types). The first type is the likeliest. A file of a type without a mark always begins by one
# of the patterns that name the type. One behind "~" may begin so; "~image/*" means all of them that no pattern names and
# that are not text. "?" before the first type: a text may begin so too, so this beginning contradicts no claim.
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    # Raster images
    (rb"\x89PNG\r\n\x1a\n", "image/png ~application/x-fireworks"),
    (rb"\xff\xd8\xff", "image/jpeg ~image/jls"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"BM.{8}..\0\0[\x0c\x10(4@8Blp|]\0\0\0", "image/bmp"),
    (rb"[\x0c(8@l|]\0\0\0.{4,8}\x01\0[\x01\x04\x08\x10\x18\x20]\0", "image/bmp"),
    (rb"II[*+]\0|MM\0[*+]", "image/tiff ~image/*"),
    (
        rb"IIU\0|II(?:RO|RS)[\x08\0]|MMOR\0|II\x1a\0\0\0HEAPCCDR|FUJIFILMCCD-RAW|FOVb|\0MRM|II\xbc[\0\x01]",
        "image/x-olympus-orf ~image/x-fuji-raf ~image/x-panasonic-rw2 ~image/x-canon-crw ~image/*",
    ),
    (rb"\0\0[\x01\x02]\0[\x01-\xff]\0", "image/vnd.microsoft.icon"),
    (rb"RIFF....ACON", "application/x-navi-animation"),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (rb"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2 image/jpx image/jpm video/mj2 image/jph ~image/j2c"),
    (rb"\xff\x4f\xff\x51", "image/j2c ~image/jp2"),
    (rb"\0...ftypavi[fs]", "image/avif"),
    (
        rb"\0...ftyp(?:mif[12]|msf1|miaf|jpe[gx]|jpgs|unif|1pic)",
        "image/heic image/avif ~image/avci ~image/avcs ~image/hej2k",
    ),
    (rb"\0...ftyp(?:he[iv][cmxs]|j2k[ip]|j2is|avc[is])", "image/heic ~image/avci ~image/avcs ~image/hej2k"),
    (rb"\0...ftypcrx ", "image/x-canon-cr3"),
    (rb"8BPS\0[\x01\x02]", "image/vnd.adobe.photoshop"),
    (rb"gimp xcf ", "image/x-xcf"),
    (
        rb"P[1-7][\s#]|P[Ff]\s",
        (
            "?image/x-portable-anymap image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap "
            "image/x-portable-floatmap"
        ),
    ),
    (rb"/\* XPM \*/|! XPM2", "?image/x-xpixmap"),
    (rb"DDS \x7c\0\0\0", "image/vnd.ms-dds"),
    (rb"\x76\x2f\x31\x01", "image/aces"),
    (rb"qoif\0", "image/qoi"),
    (rb"#\?(?:RADIANCE|RGBE)\s", "image/vnd.radiance"),
    (rb"icns\0", "image/x-icns"),
    (rb"\xabKTX 11\xbb\r\n", "image/ktx"),
    (rb"\xabKTX 20\xbb\r\n", "image/ktx2"),
    (rb"\xd7\xcd\xc6\x9a\0\0|[\x01\x02]\0\x09\0\0[\x01\x03]", "image/wmf"),
    (rb"\x01\0\0\0.{36} EMF", "image/emf"),
    (rb"\x0a[\0\x02-\x05]\x01[\x01\x02\x04\x08]", "image/vnd.zbrush.pcx"),
    (rb"\xb1\x68\xde\x3a", "image/x-dcx"),
    (rb"\x01\xda[\0\x01][\x01\x02]\0[\x01-\x03]", "image/sgi ~image/x-rgb"),
    (rb"\x59\xa6\x6a\x95", "image/x-sun-raster"),
    (rb"SIMPLE  =", "image/fits"),
    (rb"AT&TFORM....DJV", "image/vnd.djvu"),
    (rb"(?:SDPX|XPDS)....V", "image/dpx"),
    (rb"BPG\xfb", "image/bpg"),
    (rb"FLIF[1-6ABCDQRST][012]", "image/flif"),
    (rb"\x8aMNG\r\n", "video/x-mng"),
    (rb"\x8bJNG\r\n", "image/x-jng"),
    # Films and sounds
    (rb"\0...(?:ftyp|styp)(?:M4A |M4B |M4P )", "audio/mp4 video/mp4 video/quicktime application/mp4 ~audio/* ~video/*"),
    (
        rb"\0...(?:ftyp|styp|sidx|moof|moov|wide|free|skip|pnot)|....mdat",
        (
            "video/mp4 audio/mp4 video/quicktime video/3gpp video/3gpp2 application/mp4 video/iso.segment "
            "~audio/vnd.audible.aax ~video/* ~audio/*"
        ),
    ),
    (rb"\x1a\x45\xdf\xa3", "video/webm audio/webm video/matroska audio/matroska video/matroska-3d ~video/*"),
    (rb"OggS\0", "audio/ogg video/ogg application/ogg ~audio/* ~video/*"),
    (rb"ID3[\x02-\x04]", "audio/mpeg audio/aac audio/flac ~audio/*"),
    (rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd][\x10-\xeb]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]\0", "audio/mpeg"),
    (rb"\xff[\xf0\xf1\xf8\xf9]|ADIF[\0-\x1f\x80-\xff]", "?audio/aac"),
    (rb"fLaC[\0\x80]", "audio/flac"),
    (rb"(?:RIFF|RIFX|RF64|BW64)....WAVE", "audio/wav ~audio/*"),
    (rb"riff\x2e\x91\xcf\x11", "audio/x-w64"),
    (rb"FORM....AIF[FC]", "audio/x-aiff"),
    (rb"FORM....8SVX", "audio/8svx ~audio/*"),
    (rb"FORM....(?:ILBM|PBM )", "image/x-ilbm"),
    (rb"FORM....ANIM", "video/x-anim ~image/x-ilbm"),
    (rb"MThd\0\0\0\x06|RIFF....RMID", "audio/midi ~audio/*"),
    (rb"RIFF....sfbk", "audio/x-soundfont"),
    (rb"RIFF....AVI |RIFF....AVIX", "video/x-msvideo"),
    (rb"\0\0\x01[\xb3\xba]", "video/mpeg video/x-ms-vob ~video/*"),
    (rb"\x47.{187}\x47.{187}\x47|.{4}\x47.{191}\x47.{191}\x47", "video/mp2t ~video/mpeg"),
    (rb"FLV\x01", "video/x-flv"),
    (
        rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        (
            "video/x-ms-wmv audio/x-ms-wma video/x-ms-asf ~video/vnd.ms-playready.media.pyv "
            "~audio/vnd.ms-playready.media.pya"
        ),
    ),
    (rb"\.RMF\0\0\0", "application/vnd.rn-realmedia ~audio/x-pn-realaudio ~application/vnd.rn-realmedia-vbr"),
    (rb"\.ra\xfd", "~audio/x-pn-realaudio"),
    (rb"....[\x11\x12]\xaf", "video/x-fli video/x-flic"),
    (rb"YUV4MPEG2 ", "video/x-yuv4mpeg"),
    (rb"DKIF\0\0", "video/x-ivf"),
    (rb"\x06\x0e\x2b\x34\x02\x05\x01\x01", "application/mxf"),
    (rb"MAC .[\x0e\x0f]", "audio/x-ape"),
    (rb"MP\+[\x07\x17\x27]|MPCKSH", "~audio/x-musepack"),
    (rb"wvpk..[\0-\x0f]\0", "audio/x-wavpack"),
    (rb"TTA[12][\x01\x02]\0", "audio/x-tta"),
    (rb"OFR .\0\0\0", "audio/x-optimfrog"),
    (rb"tBaK[\x01-\x08]", "audio/x-tak"),
    (rb"DSD \x1c\0\0\0", "audio/x-dsf"),
    (rb"FRM8\0", "audio/x-dff"),
    (rb"\x0b\x77", "audio/ac3 audio/eac3"),
    (rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\0|\xff\x1f\0\xe8|DTSHDHDR", "audio/vnd.dts audio/vnd.dts.hd"),
    (rb"\.snd\0", "audio/basic"),
    (rb"caff\0", "audio/x-caf"),
    (rb"#!AMR-WB", "audio/amr-wb"),
    (rb"#!AMR[\n_]", "audio/amr"),
    (rb"Creative Voice File\x1a", "audio/x-voc"),
    (rb"Extended Module: ", "audio/x-xm"),
    (rb"IMPM.{26}[\0-\x10][\0-\x20]", "audio/x-it ~audio/x-mptm"),
    (rb".{44}SCRM", "audio/x-s3m"),
    # Fonts
    (rb"(?:\0\x01\0\0|true)\0[\x01-\x7f]", "font/ttf ~font/otf ~font/collection"),
    (rb"OTTO\0", "font/otf ~font/ttf"),
    (rb"ttcf\0", "font/collection ~font/ttf ~font/otf"),
    (rb"wOFF(?:\0\x01\0\0|OTTO|true)", "font/woff"),
    (rb"wOF2(?:\0\x01\0\0|OTTO|true|ttcf)", "font/woff2"),
    (rb".{8}[\x01\x02]\0[\x01\x02]\0.{22}LP", "application/vnd.ms-fontobject"),
    (rb"%!(?:PS-AdobeFont|FontType1)|\x80\x01....%!", "?application/x-font-type1"),
    (rb"STARTFONT ", "?application/x-font-bdf"),
    (rb"\x01fcp", "application/x-font-pcf"),
    # Models and scenes
    (rb"glTF[\x01\x02]\0\0\0", "model/gltf-binary ~model/vrm"),
    (rb"BLENDER[-_v0-9]", "application/x-blender"),
    (rb"Kaydara FBX Binary  \0", "~model/fbx"),
    (rb"\x4d\x4d..\0\0[\x02\x3d]", "model/x-3ds"),
    (rb"ply\r?\n(?:format|comment) ", "?model/ply"),
    (rb"VOX [\x96\xc8]", "model/x-vox"),
    (rb"DRACO[\x01\x02]", "model/x-draco"),
    (rb"#usda ", "?model/vnd.usda"),
    (rb"ISO-10303-21;", "?model/step application/p21"),
    (rb"AC10[0-9][0-9]\0", "image/vnd.dwg"),
    (rb"LASF..[\0-\x04]", "application/vnd.las application/vnd.laszip"),
    # Documents
    (rb"%PDF-", "application/pdf ~application/illustrator ~application/postscript"),
    (rb"(?:\xef\xbb\xbf|\x04|\s)*%!(?:PS|\s)|\xc5\xd0\xd3\xc6", "?application/postscript ~application/x-font-type1"),
    (rb"(?:\xef\xbb\xbf)?\s*\{\\rtf", "application/rtf ~application/msword"),
    (
        rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        (
            "application/msword application/vnd.ms-excel application/vnd.ms-powerpoint application/vnd.visio "
            "application/vnd.ms-outlook application/x-mspublisher application/vnd.ms-project ~application/vnd.ms-works "
            "~image/vnd.fpx ~application/vnd.openxmlformats-officedocument.* ~application/vnd.ms-* ~application/*"
        ),
    ),
    (
        rb"\x09[\0\x02\x04\x08][\x04\x06\x08]\0|\xdb\xa5\x2d\0|\x31\xbe\0\0|\xfe\x37\0\x23",
        "application/vnd.ms-excel application/msword ~application/vnd.ms-works",
    ),
    (
        rb".{60}(?:BOOKMOBI|TEXtREAd)",
        "application/x-mobipocket-ebook application/vnd.amazon.mobi8-ebook ~application/vnd.palm",
    ),
    (rb"bplist0[0-9]", "application/x-bplist ~application/x-plist"),
    (rb"ITSF\x03\0\0\0", "application/vnd.ms-htmlhelp"),
    (rb"\xffWPC", "application/vnd.wordperfect"),
    # Archives, programs and data
    (
        rb"PK(?:\x03\x04|\x05\x06|\x06\x06|\x07\x08)",
        "application/zip ~application/* ~model/* ~audio/* ~model/x-amf",
    ),
    (rb"\x1f\x8b\x08", "application/gzip ~application/* ~model/* ~audio/* ~application/x-font-pcf ~application/x-blender"),
    (rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)", "application/x-bzip2 ~application/*"),
    (rb"\xfd7zXZ\0", "application/x-xz ~application/*"),
    (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", "application/zstd ~application/* ~application/x-blender"),
    (rb"\x04\x22\x4d\x18", "application/x-lz4"),
    (rb"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed application/x-cb7 ~application/x-cbr"),
    (rb"Rar!\x1a\x07", "application/vnd.rar application/vnd.comicbook-rar ~application/vnd.comicbook+zip"),
    (rb"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed ~application/vnd.ms-*"),
    (rb"!<arch>\n", "application/vnd.debian.binary-package ~application/*"),
    (rb"\xed\xab\xee\xdb", "application/x-redhat-package-manager ~application/x-rpm"),
    (rb"\x60\xea..[\x1e-\x30]", "application/x-arj"),
    (rb".{7}\*\*ACE\*\*[\x0a-\x1f]", "application/x-ace-compressed"),
    (rb"..-l[hz][0-9ds]-.{13}[\0-\x03]", "application/x-lzh-compressed"),
    (rb"LZIP\x01", "application/x-lzip"),
    (rb"\x7fELF", "application/x-executable ~application/x-sharedlib ~application/x-object ~application/x-elf"),
    (
        rb"MZ(?=.{0,62}\0)",
        "application/vnd.microsoft.portable-executable ~application/x-executable ~application/vnd.efi.iso",
    ),
    (rb"\xca\xfe\xba\xbe|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe", "application/x-mach-binary ~application/java-vm"),
    (rb"\0asm[\x01\x0d]\0", "application/wasm"),
    (rb"SQLite format 3\0", "application/vnd.sqlite3 ~application/*"),
    (rb"\x89HDF\r\n\x1a\n", "~application/x-hdf5 ~application/*"),
    (rb"PAR1[\x15\x4c]", "application/vnd.apache.parquet"),
    (rb"[CFZ]WS[\x01-\x40]..[\0-\x0f]\0", "application/x-shockwave-flash ~application/vnd.adobe.*"),
    (rb"Cr24[\x02\x03]\0\0\0", "application/x-chrome-extension"),
    (rb"\x93NUMPY", "application/x-npy"),
    (rb"\xde\x12\x04\x95|\x95\x04\x12\xde", "application/x-gettext-translation"),
    (rb"[\xd4\x4d]\xc3?\x3c?\xb2\xa1|\xa1\xb2(?:\xc3\xd4|\x3c\x4d)|\x0a\x0d\x0d\x0a", "application/vnd.tcpdump.pcap"),
    (rb"PMTiles\x03", "application/vnd.pmtiles"),
    (rb"[IP]WAD..\0\0|WAD[23]..\0\0", "application/x-doom"),
)

# Types whose files are ZIPs, beside those that end in "+zip".
_ZIPPED = (
    "application/java-archive application/vnd.android.package-archive application/vnd.google-earth.kmz application/x-krita "
    "application/vnd.recordare.musicxml application/x-xpinstall image/openraster model/3mf application/vnd.apple.pages "
    "application/vnd.apple.numbers application/vnd.apple.keynote"
)
ZIPPED = frozenset(_ZIPPED.split())

# (claimed types, members of which the archive must show one, members that it must not show): patterns of types, and regexes
# of how the members' names begin.
_OFFICE = rb"\[Content_Types\]|_rels/|docProps/|customXml/"
_OPEN = rb"mimetype|content\.xml|META-INF/|styles\.xml"
MEMBERS: tuple[tuple[str, bytes, bytes], ...] = (
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.*", _OFFICE + rb"|word/", rb"xl/|ppt/"),
    ("application/vnd.ms-word.*", _OFFICE + rb"|word/", rb"xl/|ppt/"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.*", _OFFICE + rb"|xl/", rb"word/|ppt/"),
    ("application/vnd.ms-excel.*", _OFFICE + rb"|xl/", rb"word/|ppt/"),
    ("application/vnd.openxmlformats-officedocument.presentationml.*", _OFFICE + rb"|ppt/", rb"xl/|word/"),
    ("application/vnd.ms-powerpoint.*", _OFFICE + rb"|ppt/", rb"xl/|word/"),
    ("application/vnd.oasis.opendocument.*", _OPEN, rb"\[Content_Types\]"),
    ("application/vnd.sun.xml.*", _OPEN, rb"\[Content_Types\]"),
    ("application/epub+zip", rb"mimetype|META-INF/|OEBPS/|OPS/|EPUB/|[^/]*\.(?:opf|ncx|x?html?)", rb"\[Content_Types\]"),
)

# Types that are text, beside text/… and those that end in "+json", "+xml" or "+yaml".
_TEXTS = (
    "application/graphql application/hjson application/json application/json5 application/rtf application/sql "
    "application/toml application/x-cue application/x-desktop application/x-fishscript application/x-font-afm "
    "application/x-gdscript application/x-lyrics application/x-msdos-batch application/x-ndjson application/x-perl "
    "application/x-powershell application/x-sami application/x-sh application/x-subrip application/x-tcl "
    "application/x-theme application/xml-dtd model/mtl model/obj application/yaml audio/x-scpls audio/x-mpegurl "
    "application/vnd.apple.mpegurl application/x-godot-project"
)
TEXTS = frozenset(_TEXTS.split())
_XML = (
    "application/vnd.ms-wpl application/x-plist application/x-tiled-tmx application/x-tiled-tsx model/x-amf text/xml"
)
XML = frozenset(_XML.split())
# How a text of these types begins once a byte order mark and blanks are gone. People write comments into JSON, and source
# maps may begin with ")]}'".
_VALUE = rb"[\[\"0-9tfn-]|\{\s*(?:[\"}]|$)"
SHAPES: dict[str, bytes] = {
    "+json": _VALUE,
    "+xml": rb"<",
    "application/json": _VALUE + rb"|/[/*]|\)\]\}|\{\s*/[/*]",
    "application/x-ndjson": _VALUE,
    "application/x-subrip": rb"(?=.*-->)",
    "text/html": rb"(?=.*<)",
    "text/vtt": rb"WEBVTT(?:\s|$)",
}
