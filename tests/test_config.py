"""Config: a URL, a name or a mapping opens a store, or one error names every mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import ConfigError, open_store
from assetstore.config import find_config, find_store


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
    "url", ["s3://key:geheim@bucket", "s3://bucket?secret_key=geheim", "r2://user@account/bucket"]
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


@given(st.text())
def test_any_text_opens_a_store_or_names_the_fault(text: str) -> None:
    """Any text opens or raises ConfigError, and nothing is written."""
    try:
        found = find_store(text if not text.startswith("file:") else "memory:")
    except ConfigError:
        return
    assert isinstance(found.table, dict)


# A path makes a file of statistics, so it is a relative one, and all examples share one folder.
SETTINGS = st.dictionaries(
    st.sampled_from(["scheme", "plugin", "path"]), st.text(max_size=4).map(lambda text: text.lstrip("/")), max_size=2
)


@settings(suppress_health_check=list(HealthCheck))
@given(
    table=st.dictionaries(
        st.sampled_from(["url", "backend", "wrappers", "plugins", "naming", "stats", "x"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.text(max_size=8),
            st.sampled_from(["memory:", "memory", "memory:?x=1", "memory://", "${X:-memory}:", "stats"]),
            st.lists(st.sampled_from(["stats", "naming", "memory", "x"]), max_size=2),
            SETTINGS,
        ),
    )
)
def test_any_mapping_opens_a_store_or_names_the_fault(folder: Path, table: dict[str, object]) -> None:
    """Config of any types opens or raises ConfigError."""
    try:
        open_store(table).close()
        problems: tuple[str, ...] = ("none, it opened",)
    except ConfigError as error:
        problems = error.problems
    assert problems != ()
