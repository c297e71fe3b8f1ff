"""Config: a URL, a name or a mapping opens a store, or one error names every mistake."""

from __future__ import annotations

import math
import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import ConfigError, open_store
from assetstore.config import Recipe, find_config, find_store
from assetstore.limits import MAX_CONFIG, MAX_SETTING, MAX_SETTINGS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems_of(store: object, **arguments: object) -> tuple[str, ...]:
    """Return the mistakes that opening ``store`` names."""
    with pytest.raises(ConfigError) as caught:
        open_store(store, **arguments)  # type: ignore[arg-type]  # wrong on purpose
    return caught.value.problems


def write(path: Path, text: str) -> Path:
    """Write a configuration file."""
    path.write_text(text, encoding="utf-8")
    return path


def test_a_url_opens_a_store(folder: Path) -> None:
    """A URL needs no file, and the store is named after it without its query."""
    with open_store("memory:") as store:
        store.upload(b"abc", "a.txt")
        assert (b"abc", "memory:") == (store.read("a.txt"), store.name)


def test_a_relative_path_in_a_url_is_relative_to_the_working_directory(folder: Path) -> None:
    """``file:assets`` is the folder ``assets`` here."""
    with open_store("file:assets") as store:
        store.upload(b"abc", "a.txt")
    assert b"abc" == (folder / "assets" / "a.txt").read_bytes()


def test_a_relative_path_in_a_file_is_relative_to_that_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths start at the configuration file, wherever the command runs."""
    write(folder / "assetstore.toml", 'default = "dev"\n[stores.dev]\nurl = "file:assets"\n')
    (folder / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "down")
    with open_store() as store:
        store.upload(b"abc", "a.txt")
        assert "dev" == store.name
    assert b"abc" == (folder / "assets" / "a.txt").read_bytes()


def test_swapping_the_backend_is_one_line(folder: Path) -> None:
    """One line of config decides where assets live; the code stays the same."""
    for url in ("file:assets", "memory:"):
        write(folder / "assetstore.toml", f'[stores.main]\nurl = "{url}"\n')
        with open_store("main") as store:
            store.upload(b"abc", "a.txt", metadata={"by": "gm"})
            assert {"by": "gm"} == store.stat("a.txt").metadata


def test_a_file_that_cannot_be_looked_at_is_not_a_missing_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration further up is not read instead: it may name another store."""
    (folder / "loop").mkdir()
    (folder / "loop" / "assetstore.toml").symlink_to("assetstore.toml")
    write(folder / "assetstore.toml", '[stores.x]\nurl = "memory:"\n')
    monkeypatch.chdir(folder / "loop")
    with pytest.raises(ConfigError, match=r"cannot tell whether there is .*loop/assetstore.toml"):
        find_config()


def test_pyproject_toml_holds_the_same_tables(folder: Path) -> None:
    """A project without a file of its own keeps its stores under ``[tool.assetstore]``."""
    write(folder / "pyproject.toml", '[tool.assetstore]\ndefault = "x"\n[tool.assetstore.stores.x]\nurl = "memory:"\n')
    with open_store() as store:
        assert "x" == store.name


def test_a_pyproject_toml_without_the_table_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes on upwards."""
    write(folder / "assetstore.toml", '[stores.main]\nurl = "memory:"\n')
    (folder / "sub").mkdir()
    write(folder / "sub" / "pyproject.toml", "[project]\n")
    monkeypatch.chdir(folder / "sub")
    found = find_config()
    assert found is not None
    assert folder / "assetstore.toml" == found.path


@pytest.mark.parametrize(
    ("argument", "variable", "expected"),
    [("one", "two", "one"), (None, "two", "two"), (None, None, "three"), (None, "memory:", "memory:")],
)
def test_the_argument_goes_before_the_environment_and_that_before_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, argument: str | None, variable: str | None, expected: str
) -> None:
    """Order: argument, ASSETSTORE_STORE, ``default`` of the file."""
    tables = "".join(f'[stores.{name}]\nurl = "memory:"\n' for name in ("one", "two", "three"))
    write(folder / "assetstore.toml", f'default = "three"\n{tables}')
    if variable is not None:
        monkeypatch.setenv("ASSETSTORE_STORE", variable)
    assert expected == find_store(argument).name


def test_the_config_variable_names_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ASSETSTORE_CONFIG goes before the search, and an argument before both."""
    write(folder / "assetstore.toml", '[stores.main]\nurl = "file:near"\n')
    far = write(folder / "far.toml", '[stores.main]\nurl = "file:far"\n')
    monkeypatch.setenv("ASSETSTORE_CONFIG", str(far))
    assert {"url": "file:far"} == find_store("main").table
    assert {"url": "file:near"} == find_store("main", config=folder / "assetstore.toml").table


def test_without_any_name_nothing_is_opened(folder: Path) -> None:
    """The error says what to type, and nothing is written anywhere."""
    with pytest.raises(ConfigError, match="no store was named") as caught:
        open_store()
    assert ("file:assets" in str(caught.value.hint), []) == (True, list(folder.iterdir()))


def test_an_unknown_name_is_answered_with_the_known_ones(folder: Path) -> None:
    """A typo is answered with the nearest name."""
    write(folder / "assetstore.toml", '[stores.production]\nurl = "memory:"\n')
    with pytest.raises(ConfigError, match=r"did you mean 'production'\?.*it has: production"):
        open_store("producton")


def test_a_name_without_a_file_is_refused(folder: Path) -> None:
    """A name is never taken for a folder."""
    with pytest.raises(ConfigError, match="no store 'assets' is configured"):
        open_store("assets")


    (folder / "assets").mkdir()
    with pytest.raises(ConfigError) as caught:
        open_store("assets")
    assert "to open the folder of this name, write ./assets" == caught.value.hint
    write(folder / "assetstore.toml", '[stores.asset]\nurl = "memory:"\n')
    with pytest.raises(ConfigError, match="did you mean 'asset'") as caught:
        open_store("assets")
    assert "to open the folder of this name, write ./assets" == caught.value.hint


@pytest.mark.parametrize(
    ("written", "below"),
    [
        *[("./assets", "work/assets"), ("./a#b?c=%41 ü", "work/a#b?c=%41 ü"), ("../up", "up"), ("..", ""), (".", "work")],
        *[("~/mine", "home/mine"), ("~", "home"), ("{}/abs", "abs"), ("/{}/abs/", "abs")],
    ],
)
def test_a_path_opens_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, written: str, below: str) -> None:
    """What begins with ``.``, ``~`` or ``/`` is the path of a folder, as argument and in a table, whatever it holds."""
    (folder / "work").mkdir()
    monkeypatch.chdir(folder / "work")
    monkeypatch.setenv("HOME", str(folder / "home"))
    written = written.format(folder)
    for argument in (written, {"url": written}):
        with open_store(argument) as store:
            store.upload(b"x", "a.txt")
            assert b"x" == (folder / below / "a.txt").read_bytes()
            assert (written if argument == written else "store") == store.name
        (folder / below / "a.txt").unlink()


def test_variables_are_filled_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``${VAR}`` and ``${VAR:-default}`` work in every text, and give numbers where numbers are due."""
    monkeypatch.setenv("FOLDER", "there")
    with open_store({"url": "file:${FOLDER}", "durable": "${DURABLE:-false}", "public_url": "${PUBLIC_URL:-}"}) as store:
        store.upload(b"", "empty")
    assert (folder / "there" / "empty").exists()


def test_all_mistakes_of_one_store_stand_in_one_error(folder: Path) -> None:
    """Unset variables, unknown keys, wrong types and missing plugins are found together, by file, table and key."""
    path = write(
        folder / "assetstore.toml",
        """
        [stores.bad]
        url = "file:${UNSET_FOLDER}"
        durabel = true
        create = "perhaps"
        wrappers = ["no-such-wrapper"]
        naming = { scheme = "timestmap" }
        stats = 7
        """,
    )
    where = f"{path} [stores.bad]: "
    expected = {
        "url": "the environment variable UNSET_FOLDER is not set or is empty",
        "durabel": "unknown (did you mean 'durable'?)",
        "create": "must be true or false, got a text",
        "stats": "must be false, a plugin name or a table",
    }
    problems = problems_of("bad")
    for key, text in expected.items():
        assert f"{where}{key}: {text}" in problems
    assert any(problem.startswith(f"{where}no plugin 'no-such-wrapper' is installed") for problem in problems)
    assert any(problem.startswith(f"{where}naming.") and "timestmap" in problem for problem in problems)


def test_a_faulty_store_does_not_stop_another(folder: Path) -> None:
    """Only the table of the store that is opened is checked."""
    write(folder / "assetstore.toml", '[stores.bad]\nurl = "${NO_SUCH}"\nx = 1\n[stores.good]\nurl = "memory:"\n')
    with open_store("good") as store:
        assert "good" == store.name


@pytest.mark.parametrize("text", ["default = 1", "stores = 1", "stors = {}", "[stores]\nx = 1", "not toml"])
def test_a_file_of_the_wrong_shape_is_named(folder: Path, text: str) -> None:
    """The error holds the path."""
    path = write(folder / "assetstore.toml", text)
    with pytest.raises(ConfigError, match=str(path)):
        find_config()


def test_a_named_file_that_is_missing_is_an_error(folder: Path) -> None:
    """A named file that is missing is an error, even where a nearer file exists."""
    for name in ("absent.toml", "nul\0.toml"):
        with pytest.raises(ConfigError, match=re.escape(name)):
            find_config(name)


@pytest.mark.parametrize(
    "url",
    [
        *("s3://key:geheim@bucket", "s3://bucket?secret_key=geheim", "r2://user@account/bucket"),
        *("file:assets?public_url=https://u:geheim@host", "s3:bucket?endpoint_url=https%3A//geheim@host"),
        *("s3://key:sec/geheim@bucket", "s3://key:sec?geheim@bucket", "s3://key:sec#geheim@bucket", "s3://key:/@geheim@bucket"),
    ],
)
def test_secrets_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    """URLs end up in logs and shell histories."""
    (problem,) = [text for text in problems_of(url) if "must not hold a secret" in text]
    assert "geheim" not in problem


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, "url: give exactly one of url and backend"),
        ({"url": "memory:", "backend": "memory"}, "url: give exactly one of url and backend"),
        ({"url": "assets"}, "url: must be a URL, for example 'file:assets'"),
        ({"url": 7}, "url: must be a URL, for example 'file:assets'"),
        ({"url": "file:a#b"}, "url: must not have a '#'; write it as %23"),
        ({"url": "file:a?durable=true", "durable": True}, "durable: is given twice"),
        ({"url": "file:a?durable=perhaps"}, "durable: must be true or false"),
        ({"backend": "local"}, "root: missing"),
        ({"backend": "local", "root": 7}, "root: must be a path, got a whole number"),
        ({"backend": "memory", "wrappers": "x"}, "wrappers: must be a list of plugin names"),
        ({"backend": "memory", "naming": {"plugin": "stats", "scheme": "x"}}, "stats.scheme: unknown"),
    ],
)
def test_each_mistake_has_its_own_words(table: dict[str, object], expected: str) -> None:
    """Each mistake names its key."""
    assert f"the mapping: {expected}" in problems_of(table)


def test_naming_and_stats_can_be_left_out(folder: Path) -> None:
    """``false`` leaves the slot empty, and its operations say so."""
    with open_store({"url": "memory:", "naming": False, "stats": False}) as store:
        with pytest.raises(ConfigError, match="no naming plugin"):
            store.upload(b"abc")
        with pytest.raises(NotImplementedError, match="no statistics plugin"):
            store.stats()


def test_the_slots_are_filled_by_default(folder: Path) -> None:
    """A store from config names keys and counts without being asked to."""
    with open_store({"backend": "memory", "naming": {"scheme": "content-hash"}}) as store:
        first, second = store.upload(b"abc", filename="a.png"), store.upload(b"abc", filename="b.png")
        assert (first.key, 2) == (second.key, store.stats()["uploads"]["count"])


STORE = '[stores.x]\nurl = "memory:"\n'


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + STORE.encode(), STORE.replace("\n", "\r\n").encode()])
def test_what_editors_of_other_systems_write_is_read(folder: Path, data: bytes) -> None:
    """A byte-order mark and line ends of Windows change nothing."""
    (folder / "assetstore.toml").write_bytes(data)
    with open_store("x") as store:
        assert "x" == store.name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = " + "[" * 10_000 + "]" * 10_000, "its lists and tables are nested too deep"),
        ("a = " + "{b = " * 10_000 + "1" + "}" * 10_000, "its lists and tables are nested too deep"),
        ("a" + " . b" * 10_000 + " = 1", "a key must have at most 100 parts"),
        (f"[a{'.b' * 10_000}]", "a key must have at most 100 parts"),
        (f"a = {'9' * 5000}", "cannot read"),
        (STORE + STORE, "Cannot declare"),
        ("# \0", "invalid character"),
        (f"#{' ' * MAX_CONFIG}", f"must have at most {MAX_CONFIG:,} characters"),
    ],
    ids=lambda text: text[:12],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(folder: Path, text: str, why: str) -> None:
    """Whatever the text is, the error is a ConfigError with the path."""
    path = write(folder / "assetstore.toml", text)
    with pytest.raises(ConfigError, match=re.escape(why)) as caught:
        open_store("x")
    assert str(path) in caught.value.message


def test_only_a_file_is_read(folder: Path) -> None:
    """A pipe does not hang, a folder and bytes of another encoding are refused, and a huge file is not read to its end."""
    os.mkfifo(folder / "pipe.toml")
    (folder / "folder.toml").mkdir()
    (folder / "latin.toml").write_bytes(b"# \xff")
    with open(folder / "huge.toml", "wb") as file:
        file.truncate(1 << 30)
    for name in ("pipe.toml", "folder.toml", "latin.toml", "huge.toml"):
        with pytest.raises(ConfigError, match=f"cannot read {name}"):
            open_store("x", config=name)


@pytest.mark.parametrize("text", ["[tool]\nassetstore = 1", "[tool]\nassetstore = ['a']", "[[tool.assetstore]]"])
def test_a_pyproject_toml_of_the_wrong_shape_is_named(folder: Path, text: str) -> None:
    """Its table must be a table."""
    write(folder / "pyproject.toml", text)
    with pytest.raises(ConfigError, match=r"pyproject\.toml: \[tool\.assetstore\] must be a table"):
        find_config()


def test_a_foreign_pyproject_toml_is_passed_over(folder: Path) -> None:
    """One whose ``tool`` is not even a table is none of ours."""
    write(folder / "pyproject.toml", "tool = 1")
    assert find_config() is None


@pytest.mark.parametrize(
    ("store", "problem"),
    [
        ("x", "cannot look for assetstore.toml: there is no working directory"),
        ("file:assets", "relative paths start nowhere: there is no working directory"),
        ({"url": "file:assets"}, "relative paths start nowhere: there is no working directory"),
    ],
)
def test_a_working_directory_that_is_gone_is_named(folder: Path, store: Any, problem: str) -> None:
    """Relative to a folder that was removed nothing is found."""
    (folder / "gone").mkdir()
    os.chdir(folder / "gone")
    (folder / "gone").rmdir()
    with pytest.raises(ConfigError, match=re.escape(problem)):
        open_store(store)


LOOP: list[object] = []
LOOP.append(LOOP)
WIDE: list[object] = [0] * (MAX_SETTINGS + 1)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (math.nan, "must be a finite number, got nan"),
        ([{"a": -math.inf}], "must be a finite number, got -inf"),
        (10**5000, "must be a number of at most 64 bits"),
        (1 << 63, "must be a number of at most 64 bits"),
        (LOOP, "must be nested at most 32 deep"),
        (WIDE, "must have at most 10,000 values"),
        ({1: 2}, "the names in a table must be texts"),
        ("x" * 100_000, "must have at most 16,384 characters, got 100,000"),
        ({"x" * 100_000: 1}, "must have at most 16,384 characters, got 100,000"),
        ("\0", "must not contain a zero byte"),
        ("\ud800", "must be valid Unicode, got a lone surrogate"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.parametrize("key", ["url", "backend", "wrappers", "plugins", "naming", "stats", "stats-of-none"])
def test_a_value_that_no_setting_may_have_is_refused(folder: Path, key: str, value: object, why: str) -> None:
    """Wherever it stands, it is named by its key before anything else is looked at."""
    assert (f"the mapping: {key}: {why}",) == problems_of({key: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("timeout", value) for value in ("nan", "inf", "1e400", "9" * 5000)],
        *[("max_concurrency", value) for value in ("1e8", "100000000", "9" * 5000, "0")],
        *[("part_size", value) for value in ("0", "-1", "1e9", str(1 << 63))],
        *[("max_attempts", value) for value in ("0", "100000000")],
        *[(name, value) for name in ("endpoint_url", "public_url") for value in ("https://[bad", "https://a\nb", "http://a:x")],
    ],
    ids=lambda text: text[:20],
)
def test_a_setting_from_the_environment_has_the_same_bounds(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    """A text becomes a number late, and is held to its bounds then; an odd URL is refused before a request is sent."""
    monkeypatch.setenv("ODD", value)
    table = {"url": "s3://bucket", "access_key": "a", "secret_key": "b", setting: "${ODD}"}
    (problem,) = problems_of(table)
    assert setting == re.split("[: ]", problem.removeprefix("the mapping: "))[0]


def test_no_plugin_gets_a_variable_that_is_not_set(folder: Path) -> None:
    """A file by the rest of the text would be made otherwise."""
    (problem,) = problems_of({"url": "memory:", "stats": {"path": "${UNSET}stats.db"}})
    assert problem.startswith("the mapping: stats.path: the environment variable UNSET is not set")
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize("text", ["${", "a${b", "${A", "${A:-${B:-c}}", "${}", "${1}"])
def test_a_variable_must_be_closed(folder: Path, text: str) -> None:
    """What looks like a variable and is none is not taken for a name of a file."""
    (problem,) = problems_of({"url": "memory:", "stats": {"path": text}})
    assert problem.startswith("the mapping: stats.path: after '${' must come NAME}")
    assert [] == list(folder.iterdir())


def test_the_value_of_a_variable_is_not_filled_in_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret may hold what looks like a variable."""
    monkeypatch.setenv("FOLDER", "a${FOLDER}")
    with open_store({"backend": "local", "root": "${FOLDER}"}) as store:
        store.upload(b"", "empty")
    assert (folder / "a${FOLDER}" / "empty").exists()


@pytest.mark.parametrize("name", ["ASSETSTORE_STORE", "ASSETSTORE_CONFIG"])
@pytest.mark.parametrize("value", [" dev", "dev\n", "\ufeffdev", " ", "x" * 100_000, "s3://[bad", "file:\udc80%"], ids=ascii)
def test_an_odd_variable_opens_a_store_or_names_the_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Blanks, line ends, marks and lengths that slip into a variable are shown in a short ConfigError."""
    write(folder / "assetstore.toml", 'default = "dev"\n[stores.dev]\nurl = "memory:"\n')
    monkeypatch.setenv(name, value)
    assert 5000 > len(outcome_of(None)) > 0


@pytest.mark.parametrize("name", ["R2_ACCESS_KEY", "R2_SECRET_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("value", [" key", "key\n", "\ufeffkey", "k\u00a0ey"])
def test_an_odd_credential_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What was copied with blanks and marks is told by the variable's name alone."""
    access, secret = ("R2_ACCESS_KEY", "R2_SECRET_KEY") if "R2" in name else ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv(access, "good")
    monkeypatch.setenv(secret, "good")
    monkeypatch.setenv(name, value)
    (problem,) = problems_of("s3://bucket")
    assert (True, False) == (f"{name} must be printable ASCII" in problem, value in problem)


def outcome_of(argument: Any) -> str:
    """Return ``"opened"``, or the text of the ConfigError; any other error is a failure."""
    try:
        open_store(argument).close()
    except ConfigError as error:
        return str(error) if error.problems else ""
    return "opened"


URLS = st.builds(
    str.__add__,
    st.sampled_from(["", "file:", "file://", "memory:", "s3://", "r2://a/", "./", "~", "s3://b?timeout=", "file:a?create="]),
    st.one_of(st.text(), st.text("[]:@/?#&=%${}0\u2100\udc80", max_size=12)),
)


@settings(suppress_health_check=list(HealthCheck))
@given(URLS)
def test_any_text_opens_a_store_or_names_the_fault(folder: Path, text: str) -> None:
    """Any text opens or raises ConfigError, and nothing is written."""
    assert outcome_of(text)
    assert [] == list(folder.iterdir())


# A path makes a file of statistics, so it is a relative one, and all examples share one folder.
SETTINGS = st.dictionaries(
    st.sampled_from(["scheme", "plugin", "path"]), st.text(max_size=4).map(lambda text: text.lstrip("/")), max_size=2
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@settings(suppress_health_check=list(HealthCheck))
@given(
    table=st.dictionaries(
        st.sampled_from(["url", "backend", "wrappers", "plugins", "naming", "headers", "cache_control", "origins", "x"]),
        st.one_of(
            JSON,
            st.sampled_from(["memory:", "memory", "memory:?x=1", "memory://", "${X:-memory}:", "file:a", "s3://b"]),
            st.lists(st.sampled_from(["stats", "naming", "memory", "headers", "x"]), max_size=2),
        ),
    ),
    stats=st.one_of(st.booleans(), SETTINGS),
)
def test_any_mapping_opens_a_store_or_names_the_fault(folder: Path, table: dict[str, object], stats: object) -> None:
    """Config of any types opens or raises ConfigError."""
    assert outcome_of({**table, "stats": stats})


@settings(suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*"[]{}=.,\n\r#'\"", "stores", "x", "url", "memory:", "nan", "-inf", "1e8", "\ufeff"]),
            st.sampled_from([STORE, "[stores.x.naming]\n", "default = ", '"""', "0x", "\\u"]),
            st.text(max_size=3),
        ),
        max_size=12,
    ).map("".join)
)
def test_any_file_opens_a_store_or_names_the_fault(folder: Path, text: str) -> None:
    """Any TOML, and what is none, opens or raises ConfigError."""
    (folder / "assetstore.toml").write_text(text, encoding="utf-8", errors="surrogatepass")
    assert outcome_of("x")


def test_no_message_is_longer_than_a_page(folder: Path) -> None:
    """A mistake that is repeated, or a name as long as a book, is shortened; the problems are still all there."""
    many = {"url": "memory:", **{f"unknown-{number}": 1 for number in range(1000)}}
    with pytest.raises(ConfigError) as caught:
        open_store(many)
    assert (1000, True, True) == (
        len(caught.value.problems), 4100 > len(str(caught.value)), "characters left out" in str(caught.value)
    )
    assert 5000 > len(outcome_of("x" * MAX_SETTING))


@pytest.mark.parametrize(
    ("secret", "mode", "said"),
    [
        ('"geheim"', 0o600, None),
        ('"geheim"', 0o640, "other users can read it"),
        ('"geheim"', 0o604, "other users can read it"),
        ('"${GEHEIM}"', 0o644, None),
    ],
)
def test_a_file_with_a_secret_that_others_can_read_is_warned_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, secret: str, mode: int, said: str | None
) -> None:
    """A variable is no secret. The warning comes once, names the file and what to do, and never the secret."""
    monkeypatch.setenv("GEHEIM", "geheim")
    settings = f'url = "s3://bucket?region=x"\naccess_key = "a"\nsecret_key = {secret}'
    path = write(folder / "assetstore.toml", f"[stores.a]\n{settings}")
    path.chmod(mode)
    for _ in range(2):
        open_store("a").close()
    expected = f"{path} holds a secret and {said}: chmod 600 it, or write ${{VARIABLE}} for the secret"
    assert ([] if said is None else [expected]) == caplog.messages


def test_a_secret_in_the_file_of_another_user_is_warned_of(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The owner can read the file, and change where the assets go; the secret of a plugin counts like a backend's."""
    path = write(folder / "assetstore.toml", f'[stores.a]\nurl = "file:x"\nsigning_keys = ["{"geheim" * 6}"]')
    path.chmod(0o600)
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, -1)
    open_store("a").close()
    (message,) = caplog.messages
    assert message.startswith(f"{path} holds a secret and belongs to another user: ")
    assert "geheim" not in message


def test_a_recipe_opens_the_store_again_from_any_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickled name goes with its file, a pickled URL with the folder in which it was opened."""
    write(folder / "assetstore.toml", "[stores.dev]\nurl = 'file:assets'\n")
    sent = [pickle.loads(pickle.dumps(open_store(store))) for store in ("dev", "file:assets")]
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    sent[0].upload(b"abc", "a")
    assert [b"abc", b"abc"] == [store.read("a") for store in sent]
    assert [b"abc"] == [path.read_bytes() for path in folder.glob("**/a")]


def test_a_recipe_that_does_not_open_here_says_where_it_came_from(folder: Path) -> None:
    """The error of a store whose file has changed tells that the store came pickled, and what this process lacks."""
    file = write(folder / "assetstore.toml", "[stores.dev]\nurl = 'file:assets'\n")
    recipe = Recipe("dev", file, folder)
    write(file, "[stores.dev]\nurl = 'file:assets'\nbackend = 'none'\n")
    with pytest.raises(ConfigError, match="give exactly one of url and backend") as caught:
        recipe.open()
    assert "the store came pickled; this process must be able to open it as the sender did" == caught.value.hint
