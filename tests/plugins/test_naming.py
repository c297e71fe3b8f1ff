"""The naming plugin: the keys of each scheme, from a file name, a category and the bytes."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

import pluggy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import ConfigError, InvalidOptionError
from assetstore.plugin import Hooks, NameOptions, ProposedKey, is_valid_key
from assetstore_naming import Naming, clean_filename

DIGEST = hashlib.sha256(b"a keep").hexdigest()
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=300)


def options(category: str = "images", attempt: int = 0) -> NameOptions:
    """Return the options that the store passes for six bytes."""
    return NameOptions(content_type="image/png", category=category, size=6, digest=lambda: DIGEST, attempt=attempt)


def no_bytes() -> NameOptions:
    """Return the options for bytes that must not be read."""

    def digest() -> str:
        raise AssertionError("the bytes were read")

    return NameOptions(content_type="image/png", category="images", size=None, digest=digest)


def name(naming: Naming, filename: str = "myfile.png", category: str = "images") -> ProposedKey:
    """Ask the plugin for one key."""
    proposed = naming.assetstore_name(filename=filename, options=options(category))
    assert isinstance(proposed, ProposedKey)
    return proposed


def test_the_plugin_fits_the_hooks():
    """Pluggy accepts the plugin as an implementation of the naming hook."""
    manager = pluggy.PluginManager("assetstore")
    manager.add_hookspecs(Hooks)
    manager.register(Naming(scheme="original"))
    manager.check_pending()
    assert ProposedKey(key="images/a.png") == manager.hook.assetstore_name(filename="a.png", options=options())


def test_timestamp_is_the_scheme_by_default():
    """Without settings a key is category, UTC second, eight hex digits and the name, remade on a clash."""
    before = datetime.now(UTC).replace(microsecond=0)
    proposed = name(Naming())
    after = datetime.now(UTC)
    match = re.fullmatch(r"images/(\d{8}_\d{6})_[0-9a-f]{8}_myfile\.png", proposed.key)
    assert match is not None
    assert before <= datetime.strptime(match[1], "%Y%m%d_%H%M%S").replace(tzinfo=UTC) <= after
    assert "remake" == proposed.on_clash


def test_timestamp_keys_of_later_seconds_sort_behind_earlier_ones():
    """The time stands right behind the category, its most significant part first."""
    times = [name(Naming()).key[: len("images/20250618_143022")] for _ in range(1000)]
    assert sorted(times) == times


def test_a_hundred_thousand_files_of_one_name_get_as_many_keys():
    """Remaking the few keys that clash makes all unique, most at the first remake."""
    naming, taken, worst = Naming(), set[str](), 0
    for _ in range(100_000):
        for attempt in range(4):
            key = naming.assetstore_name(filename="myfile.png", options=options(attempt=attempt)).key
            if key not in taken:
                break
        worst = max(worst, attempt)
        taken.add(key)
    assert 100_000 == len(taken)
    assert worst < 3


@pytest.mark.parametrize("scheme", ["timestamp", "original"])
def test_schemes_without_a_digest_never_read_the_bytes(scheme):
    """Naming costs no pass over the source unless the key holds its digest."""
    proposed = Naming(scheme=scheme).assetstore_name(filename="a.png", options=no_bytes())
    assert proposed.key.endswith("a.png")


def test_content_hash_gives_the_same_bytes_the_same_key():
    """The key is made of the digest and the suffix in lower case, and an asset that has it is reused."""
    naming = Naming(scheme="content-hash")
    assert ProposedKey(key=f"images/{DIGEST}.png", on_clash="reuse") == name(naming, "keep.png")
    assert name(naming, "keep.png") == name(naming, "other.PNG")


def test_original_keeps_the_cleaned_name_and_fails_on_a_clash():
    """The key is category and name; a second file of that name is refused."""
    assert ProposedKey(key="images/__init__.Py", on_clash="fail") == name(Naming(scheme="original"), "__init__.Py")


@pytest.mark.parametrize(
    ("template", "on_clash"),
    [
        ("{category}/{stem}-{random}{suffix}", "remake"),
        ("{category}/{digest}/{random}", "remake"),
        ("{category}/{digest}{suffix}", "reuse"),
        ("{category}/{name}", "fail"),
        ("{category}/{date}/{time}/{name}", "fail"),
    ],
)
def test_the_fields_of_a_template_decide_what_a_clash_means(template, on_clash):
    """A random part is remade, a digest reused, anything else fails."""
    assert on_clash == name(Naming(scheme="template", template=template)).on_clash


def test_a_template_may_use_every_field():
    """All eight fields are filled in, and doubled braces stand for single ones."""
    template = "{{x}}/{category}|{stem}|{suffix}|{name}|{date}|{time}|{random}|{digest}"
    key = name(Naming(scheme="template", template=template), "Keep.PNG").key
    assert re.fullmatch(rf"{{x}}/images\|Keep\|\.png\|Keep\.PNG\|\d{{8}}\|\d{{6}}\|[0-9a-f]{{8}}\|{DIGEST}", key)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"scheme": "timestmp"},
            "scheme must be timestamp, content-hash, original or template, got 'timestmp'; did you mean 'timestamp'?",
        ),
        ({"scheme": "%"}, "scheme must be timestamp, content-hash, original or template, got '%'"),
        ({"scheme": "template"}, "scheme 'template' needs a template; for example '{category}/{date}/{random}{suffix}'"),
        (
            {"template": "{name}"},
            "scheme 'timestamp' does not take a template; set scheme to 'template', or leave template out",
        ),
        (
            {"scheme": "template", "template": "{categroy}/{name}"},
            (
                "a template field must be one of category, date, digest, name, random, stem, suffix, time, got 'categroy'; "
                "did you mean 'category'?"
            ),
        ),
        (
            {"scheme": "template", "template": "{}"},
            "a template field must be one of category, date, digest, name, random, stem, suffix, time, got ''",
        ),
        (
            {"scheme": "template", "template": "{name.__class__}"},
            (
                "a template field must be one of category, date, digest, name, random, stem, suffix, time, "
                "got 'name.__class__'; did you mean 'name'?"
            ),
        ),
        (
            {"scheme": "template", "template": "{name}{digest:.8}"},
            "template field 'digest' does not take a format; write {digest}",
        ),
        ({"scheme": "template", "template": "{name!r}{name}"}, "template field 'name' does not take a format; write {name}"),
        (
            {"scheme": "template", "template": "{name"},
            "template '{name' cannot be read: expected '}' before end of string; write a literal brace twice",
        ),
        (
            {"scheme": "template", "template": "/{name}"},
            "template '/{name}' does not make valid keys: a key must not begin with '/'",
        ),
        (
            {"scheme": "template", "template": "a/.{suffix}"},
            "template 'a/.{suffix}' does not make valid keys: a key must not have a segment '.' or '..'",
        ),
        (
            {"scheme": "template", "template": "{stem}" * 6},
            f"template {'{stem}' * 6!r} does not make valid keys: a key must have at most 1024 bytes of UTF-8, got 1200",
        ),
        ({"on_clash": "overwrite"}, "on_clash must be remake, reuse or fail, got 'overwrite'"),
        (
            {"scheme": "original", "on_clash": "remake"},
            (
                "on_clash 'remake' needs {random} in the key; "
                "leave on_clash out, or set scheme to 'template' with a template that has it"
            ),
        ),
        (
            {"on_clash": "reuse"},
            (
                "on_clash 'reuse' needs {digest} in the key; "
                "leave on_clash out, or set scheme to 'template' with a template that has it"
            ),
        ),
    ],
)
def test_wrong_settings_are_told_when_the_plugin_is_made(settings, message):
    """Each mistake is one ConfigError that says what is allowed and, if one is near, what was meant."""
    with pytest.raises(ConfigError) as caught:
        Naming(**settings)
    assert message == str(caught.value)


@pytest.mark.parametrize(("scheme", "on_clash"), [("timestamp", "fail"), ("content-hash", "fail"), ("timestamp", "remake")])
def test_on_clash_can_be_set(scheme, on_clash):
    """The setting replaces the scheme's own reaction to a clash."""
    assert on_clash == name(Naming(scheme=scheme, on_clash=on_clash)).on_clash


@pytest.mark.parametrize(
    ("filename", "cleaned"),
    [
        ("myfile.png", ("myfile", ".png")),
        (r"C:\fakepath\x.png", ("x", ".png")),
        ("../../etc/passwd", ("passwd", "")),
        ("/tmp/upload/keep.webp", ("keep", ".webp")),
        ("", ("asset", "")),
        (".", ("asset", "")),
        ("..", ("asset", "")),
        ("...", ("asset", "")),
        ("maps/", ("asset", "")),
        ("???.png", ("asset", ".png")),
        (".htaccess", ("htaccess", "")),
        ("..hidden.txt", ("hidden", ".txt")),
        ("archive.tar.gz", ("archive.tar", ".gz")),
        ("name.", ("name", "")),
        (" keep.png. ", ("_keep", ".png")),
        ("Old keep (1).png", ("Old_keep_1_", ".png")),
        ("a\x00b\x1fc\x7f.png", ("a_b_c_", ".png")),
        ("photo\u202egnp.exe", ("photo_gnp", ".exe")),
        ("caf\ud800é.jpg", ("caf_é", ".jpg")),
        ("cafe\u0301.jpg", ("café", ".jpg")),
        ("हिन्दी.png", ("हिन्दी", ".png")),
        ("地图🗺.png", ("地图🗺", ".png")),
        ("50%25 off?#x=1&y.png", ("50_25_off_x_1_y", ".png")),
        ("Dr. Smith on dragons", ("Dr._Smith_on_dragons", "")),
        ("a.much-too-long-for-a-suffix", ("a.much-too-long-for-a-suffix", "")),
        ("x" * 300 + ".jpeg", ("x" * 195, ".jpeg")),
        ("é" * 150 + ".png", ("é" * 98, ".png")),
    ],
)
def test_file_names_are_cleaned(filename, cleaned):
    """Any name from a browser or a system becomes a stem and a suffix that fit into a key, a URL and a disk."""
    assert cleaned == clean_filename(filename)


@given(ANY_TEXT)
def test_a_cleaned_name_is_one_short_valid_segment(filename):
    """For any text the name is valid, has no slash and no dot in front, and 1 to 200 bytes."""
    stem, suffix = clean_filename(filename)
    assert is_valid_key(f"x/{stem}{suffix}")
    assert "/" not in stem + suffix
    assert 1 <= len((stem + suffix).encode()) <= 200
    assert not stem.startswith(".")


@given(filename=ANY_TEXT, scheme=st.sampled_from(["timestamp", "content-hash", "original"]))
def test_any_file_name_makes_a_valid_key(filename, scheme):
    """No file name makes a key that the store would refuse or spell otherwise."""
    assert is_valid_key(name(Naming(scheme=scheme), filename).key)


@given(filename=ANY_TEXT, category=ANY_TEXT | st.text("./aé\u0301", max_size=8))
def test_any_category_makes_a_valid_key_or_is_refused(filename, category):
    """A category that is itself a valid key without a slash at its end is kept whole; any other is refused."""
    fits = category == "" or is_valid_key(category)
    try:
        key = name(Naming(), filename, category).key
    except InvalidOptionError:
        assert not fits or category.endswith("/") or len(category.encode()) > 700
    else:
        assert is_valid_key(key)
        assert not fits or category == "" or key.startswith(f"{category}/")


@pytest.mark.parametrize(
    ("category", "message"),
    [
        ("/maps", "category '/maps' is not valid: a key must not begin with '/'"),
        ("maps/", "category must not end with '/', got 'maps/'; leave the trailing slash out"),
        ("maps/../x", "category 'maps/../x' is not valid: a key must not have a segment '.' or '..'"),
        ("a\nb", r"category 'a\nb' is not valid: a key must not contain control characters, got U+000A"),
        (
            "x" * 1020,
            f"category {'x' * 1020!r} does not make a valid key: a key must have at most 1024 bytes of UTF-8, got 1031",
        ),
    ],
)
def test_a_category_that_fits_no_key_is_refused(category, message):
    """A category is never changed in silence."""
    with pytest.raises(InvalidOptionError) as caught:
        name(Naming(scheme="original"), category=category)
    assert message == str(caught.value)


def test_a_category_may_hold_slashes():
    """Categories can be nested."""
    assert "maps/old/myfile.png" == name(Naming(scheme="original"), category="maps/old").key


def test_without_a_category_keys_stand_at_the_root():
    """The slash behind an empty category is left out."""
    assert "myfile.png" == name(Naming(scheme="original"), category="").key
