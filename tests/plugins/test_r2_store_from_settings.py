"""Where the settings of older programs are found, and the store that they describe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assetstore import ConfigError
from assetstore_r2 import store_from_settings
from assetstore_r2.asset_manager.settings import R2Settings, find_settings

CANARY = "canary-4b1d"
COMPLETE = {
    "R2_ENABLED": True,
    "R2_ACCOUNT_ID": "a" * 32,
    "R2_ACCESS_KEY": "b" * 32,
    "R2_SECRET_KEY": CANARY,
    "R2_BUCKET_NAME": "assets",
}


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], object]]:
    """Give a function that writes the text of the importable module ``settings``."""
    monkeypatch.syspath_prepend(tmp_path)
    before = sys.modules.pop("settings", None)
    yield (tmp_path / "settings.py").write_text
    sys.modules.pop("settings", None)
    if before is not None:
        sys.modules["settings"] = before


@pytest.mark.parametrize("value", [True, 1, "1", "true", "True", "TRUE", "yes", "Yes", "on", "ON", " on\n"])
def test_all_spellings_of_true_enable_r2(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is taken from a mapping and, as text, from the environment."""
    assert find_settings({"R2_ENABLED": value}).enabled
    monkeypatch.setenv("R2_ENABLED", str(value))
    assert find_settings().enabled


@pytest.mark.parametrize("value", [False, None, 0, "", "0", "false", "False", "no", "off", "OFF"])
def test_all_spellings_of_false_disable_r2(value: object) -> None:
    """Each is taken from a mapping."""
    assert not find_settings({"R2_ENABLED": value}).enabled


def test_another_spelling_is_an_error_and_not_a_silent_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in R2_ENABLED does not open the offline store."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="R2_ENABLED must be true or false"):
        store_from_settings({**COMPLETE, "R2_ENABLED": "ture"})
    assert [] == list(tmp_path.iterdir())


def test_a_no_of_the_program_is_not_overruled_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment fills in missing settings, and changes no other."""
    monkeypatch.setenv("R2_ENABLED", "true")
    assert (False, True) == (find_settings({"R2_ENABLED": False}).enabled, find_settings({}).enabled)


def test_given_settings_go_before_the_module_and_the_module_before_the_environment(
    write_module: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first existing source decides the bucket."""
    monkeypatch.setenv("R2_BUCKET_NAME", "of-the-environment")
    assert "of-the-environment" == find_settings().bucket_name
    write_module("R2_BUCKET_NAME = 'of-the-module'")
    assert "of-the-module" == find_settings().bucket_name
    assert "of-the-mapping" == find_settings({"R2_BUCKET_NAME": "of-the-mapping"}).bucket_name
    assert "of-the-object" == find_settings(SimpleNamespace(R2_BUCKET_NAME="of-the-object")).bucket_name


def test_names_may_be_lower_case(write_module: Callable[[str], object]) -> None:
    """A settings object of pydantic, a mapping and a module are read in either case; upper case goes first."""
    lower = {name.lower(): value for name, value in COMPLETE.items()}
    expected = find_settings(COMPLETE)
    write_module("".join(f"{name} = {value!r}\n" for name, value in lower.items()))
    assert [expected] * 3 == [find_settings(lower), find_settings(SimpleNamespace(**lower)), find_settings()]
    assert "upper" == find_settings({**lower, "R2_BUCKET_NAME": "upper"}).bucket_name


def test_a_module_without_r2_names_is_not_meant(
    write_module: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's module of the same name is ignored."""
    write_module("DEBUG = True")
    monkeypatch.setenv("R2_BUCKET_NAME", "of-the-environment")
    assert "of-the-environment" == find_settings().bucket_name


def test_a_changed_module_is_seen(write_module: Callable[[str], object]) -> None:
    """The settings are read at each use."""
    write_module("R2_ENABLED = False")
    before = find_settings().enabled
    module: Any = sys.modules["settings"]
    module.R2_ENABLED = True
    assert (False, True) == (before, find_settings().enabled)


def test_credentials_and_account_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three variables that the older class named fill in what the settings leave out."""
    monkeypatch.setenv("R2_ACCOUNT_ID", "a" * 32)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    found = find_settings({"R2_ENABLED": True, "R2_BUCKET_NAME": "assets"})
    wanted = R2Settings(enabled=True, account_id="a" * 32, access_key="id", secret_key=CANARY, bucket_name="assets")
    assert (wanted, ()) == (found, found.missing)


def test_r2_variables_go_before_aws_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """If both sets of keys are present, R2's are used."""
    for name in ("R2_ACCESS_KEY", "R2_SECRET_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, name.lower())
    found = find_settings()
    assert ("r2_access_key", "r2_secret_key") == (found.access_key, found.secret_key)


def test_the_place_is_never_put_together_from_two_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, bucket, public URL and jurisdiction of the environment do not mix into a program's own settings."""
    for name in ("R2_ENDPOINT", "R2_BUCKET_NAME", "R2_PUBLIC_URL", "R2_JURISDICTION"):
        monkeypatch.setenv(name, "https://elsewhere.example")
    found = find_settings({"R2_ENABLED": True, "R2_ACCOUNT_ID": "a" * 32})
    assert (None, None, None, None) == (found.endpoint, found.bucket_name, found.public_url, found.jurisdiction)


def test_every_missing_name_is_told_and_nothing_falls_back_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With R2 enabled the offline store is never opened."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        store_from_settings({"R2_ENABLED": True, "R2_SECRET_KEY": " "})
    wanted = ("R2_ACCOUNT_ID or R2_ENDPOINT", "R2_ACCESS_KEY", "R2_SECRET_KEY", "R2_BUCKET_NAME")
    assert tuple(f"{name} is missing" for name in wanted) == caught.value.problems
    assert all(name in str(caught.value) for name in wanted)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["R2_ACCOUNT_ID", "R2_ACCESS_KEY", "R2_SECRET_KEY", "R2_BUCKET_NAME"])
def test_each_needed_name_is_missed_alone(name: str) -> None:
    """None of the four is optional, and no other is needed."""
    with pytest.raises(ConfigError) as caught:
        store_from_settings({key: value for key, value in COMPLETE.items() if key != name})
    assert (1, True) == (len(caught.value.problems), caught.value.problems[0].startswith(name))


def test_disabled_means_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The offline store is a folder by default, and the log shows that it was opened."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO", logger="assetstore_r2")
    with store_from_settings({**COMPLETE, "R2_ENABLED": False}) as store:
        store.upload(b"hello", key="hello.txt")
    with store_from_settings({}, offline="memory:") as other:
        assert "memory" in other.location
    assert b"hello" == (tmp_path / "assets" / "hello.txt").read_bytes()
    assert 2 == caplog.text.count("opening the offline store")


def test_enabled_opens_r2_with_naming_and_stats() -> None:
    """Nothing is sent to open the store."""
    with store_from_settings({**COMPLETE, "R2_PUBLIC_URL": "https://cdn.example/"}) as store:
        assert ("r2", "r2 assets, remote") == (store.name, store.location)
        assert "https://cdn.example/maps/keep.webp" == store.url("maps/keep.webp")
        assert store.generate_key("keep.webp").startswith("images/")
        assert 0 == store.stats()["uploads"]["count"]
        assert f"https://{'a' * 32}.r2.cloudflarestorage.com/assets/k?" in store.presign("k").url


def test_the_endpoint_goes_before_the_account() -> None:
    """Programs that set both, as the older class's example does, reach the endpoint."""
    with store_from_settings({**COMPLETE, "R2_ENDPOINT": "https://r2.example"}) as store:
        assert store.presign("k").url.startswith("https://r2.example/assets/k?")


def test_a_jurisdiction_is_part_of_the_host() -> None:
    """Buckets of a jurisdiction are reached by the account alone, too."""
    with store_from_settings({**COMPLETE, "R2_JURISDICTION": "eu"}) as store:
        assert ".eu.r2.cloudflarestorage.com/" in store.presign("k").url


@pytest.mark.parametrize(
    "text", [f"raise RuntimeError('{CANARY}')", f"import not_there_{CANARY[:6]}", f"R2_SECRET_KEY = '{CANARY}"]
)
def test_a_module_that_fails_is_a_config_error_without_its_text(text: str, write_module: Callable[[str], object]) -> None:
    """An error of a program's own module may contain a secret, so only its type is shown."""
    write_module(text)
    with pytest.raises(ConfigError, match="the settings cannot be read: ") as caught:
        find_settings()
    assert CANARY[:6] not in str(caught.value)


def test_an_object_that_fails_is_a_config_error() -> None:
    """Django's settings raise an error of their own until they are configured."""

    class Unconfigured:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(CANARY)

    with pytest.raises(ConfigError, match="the settings cannot be read: RuntimeError") as caught:
        find_settings(Unconfigured())
    assert CANARY not in str(caught.value)


def test_a_value_that_is_no_text_is_told_by_its_name_alone() -> None:
    """The message never holds the value."""
    with pytest.raises(ConfigError, match="R2_SECRET_KEY must be text, got bytes") as caught:
        find_settings({**COMPLETE, "R2_SECRET_KEY": CANARY.encode()})
    assert CANARY not in str(caught.value)


def test_no_repr_shows_the_secret() -> None:
    """Settings and the backends made from them can be logged."""
    found = find_settings(COMPLETE)
    with store_from_settings(COMPLETE) as store:
        assert CANARY not in f"{found!r} {found.backend()!r} {store!r}"
