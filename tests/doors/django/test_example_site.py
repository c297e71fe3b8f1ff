"""``examples/django`` in Chromium, over a folder and over SeaweedFS: the admin, easy-thumbnails, an API of DRF."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

import browsing
from assetstore import AssetStore, open_store
from assetstore_r2.bucket_rules import cors_rule

EXAMPLE = Path(__file__).parents[3] / "examples" / "django"
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2mp41" + random.Random(1).randbytes(24_000_000)
NAME, PASSWORD = "editor", "only for tests"
WATCH = """() => {
  window.seen = [];
  document.addEventListener("change", () => setTimeout(() => {
    const [bar, amount] = document.querySelectorAll(".direct-upload progress, .direct-upload progress + span");
    new MutationObserver(() => seen.push([bar.value, amount.textContent])).observe(amount, { childList: true });
  }));
}"""

pytestmark = pytest.mark.skipif(not browsing.has_browser(), reason="no Chromium that starts")


@attrs.frozen
class Site:
    """The example, running.

    Attributes:
        url: where it is.
        store: what its storages write to.
    """

    url: str
    store: AssetStore


@pytest.fixture(scope="module", params=["local", "seaweedfs"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the example over each kind of store in turn, with a user who may do everything."""
    folder = tmp_path_factory.mktemp("site")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        table = local(folder, url) if request.param == "local" else remote(request.getfixturevalue("seaweedfs"), url)
        config = folder / "assetstore.toml"
        lines = ['default = "test"', "[stores.test]", *(f"{name} = {json.dumps(value)}" for name, value in table.items())]
        config.write_text("\n".join(lines))
        config.chmod(0o600)
        environment = {**os.environ, "ASSETSTORE_CONFIG": str(config), "DATABASE": str(folder / "films.sqlite3")}
        with running(environment, listener), open_store("test", config=config) as store:
            yield Site(url, store)


def local(folder: Path, origin: str) -> dict[str, str]:
    """Return the settings of a folder whose signed URLs the example answers itself."""
    return {"url": f"file:{folder}/assets", "serve_url": f"{origin}/assets"}


def remote(server: Any, origin: str) -> dict[str, str]:
    """Return the settings of a bucket, which lets pages of the example in."""
    with server.client() as client:
        client.put_bucket_cors(Bucket=server.bucket, CORSConfiguration={"CORSRules": [cors_rule([origin])]})
    url = f"r2:///{server.bucket}?endpoint_url={server.endpoint_url}"
    return {"url": url, "access_key": server.access_key, "secret_key": server.secret_key}


@contextmanager
def running(environment: dict[str, str], listener: socket.socket) -> Iterator[None]:
    """Make the database and answer what comes to a listening socket."""
    secrets = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    for command in (["migrate", "-v0"], ["createsuperuser", "--noinput", "--username", NAME, "--email", "a@b.example"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=EXAMPLE, env=environment | secrets, check=True)
    options = ["--log-level=warning", f"--fd={listener.fileno()}"]
    command = [sys.executable, "-m", "uvicorn", *options, "project.asgi:application"]
    server = subprocess.Popen(command, cwd=EXAMPLE, env=environment, pass_fds=[listener.fileno()])
    listener.close()  # so that a server that died is found out
    try:
        yield
    finally:
        server.terminate()
        server.wait(600)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = [*browsing.ARGUMENTS, "--no-proxy-server"]
        chromium = playwright.chromium.launch(executable_path=browsing.CHROMIUM, args=arguments, timeout=600_000)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """Give a page of the admin in which a new film is described, its title typed."""
    with browser.new_context(viewport={"width": 1000, "height": 700}) as context:
        context.set_default_timeout(600_000)
        page = context.new_page()
        page.goto(f"{site.url}/admin/films/film/add/")
        page.fill("#id_username", NAME)
        page.fill("#id_password", PASSWORD)
        page.click("[type=submit]")
        page.fill("#id_title", "Dracula")
        page.evaluate(WATCH)
        yield page


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of 24 MB that begins as a film does."""
    path = tmp_path_factory.mktemp("film") / "dracula.mp4"
    path.write_bytes(MP4)
    return path


@pytest.fixture(scope="module")
def poster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a picture."""
    from PIL import Image

    path = tmp_path_factory.mktemp("poster") / "dracula.png"
    Image.linear_gradient("L").resize((600, 600)).save(path)
    return path


def send_slowly(page: Any, bytes_per_second: int) -> None:
    """Send no faster than this, so that progress is seen; -1 sets no bound."""
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", limits)


def keys(site: Site, prefix: str) -> list[str]:
    """Return the keys below a prefix."""
    return [info.key for info in site.store.list(prefix)]


def look(page: Any, name: str) -> None:
    """Keep what the page looks like, if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_the_admin_sends_a_film_in_parts_and_the_site_shows_its_thumbnail(
    site: Site, page: Any, film: Path, poster: Path
) -> None:
    """The browser sends the parts to the store, the bar moves, the admin saves, and signed URLs show what was stored."""
    methods: list[str] = []
    page.on("request", lambda request: methods.append(request.method))
    send_slowly(page, 8_000_000)
    page.set_input_files("#id_file", film)
    page.locator(".direct-upload progress").wait_for()
    page.wait_for_function("seen.some(([value]) => value > 0.3)")
    look(page, "uploading")
    page.get_by_text("Save the form to keep it.").wait_for()
    look(page, "uploaded")
    send_slowly(page, -1)
    seen = page.evaluate("seen")
    assert (2, 1) == (methods.count("PUT"), seen[-1][0])
    assert any(0 < value < 1 and re.fullmatch(r"[\d.]+ MB of 24.0 MB \(\d+ %\)", text) for value, text in seen)
    page.set_input_files("#id_poster", poster)
    page.click("[name=_save]")
    page.get_by_text("was added successfully").wait_for()
    [key] = keys(site, "media/films/")
    assert hashlib.sha256(MP4).digest() == hashlib.sha256(site.store.read(key)).digest()
    assert [] == keys(site, "media/pending/")
    page.goto(site.url)
    page.wait_for_function("document.images.length && document.images[0].naturalWidth")
    look(page, "site")
    assert [240, 160] == page.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight]")
    assert 1 == len(keys(site, "thumbnails/posters/"))
    assert "X-A" in page.evaluate("document.images[0].src")
    assert "X-A" in page.get_attribute("a", "href")


def test_cancelling_leaves_nothing_and_another_file_may_be_chosen(site: Site, page: Any, film: Path) -> None:
    """The button works by keyboard, gives the focus back to the input, and the bytes that were sent are gone."""
    before = keys(site, "media/")
    send_slowly(page, 2_000_000)
    page.set_input_files("#id_file", film)
    page.wait_for_function("seen.some(([value]) => value > 0)")
    with page.expect_response("**/uploads/cancel") as cancelled:
        page.get_by_role("button", name="Cancel").press("Enter")
    assert 200 == cancelled.value.status
    assert "The upload of dracula.mp4 is cancelled." == page.get_by_role("status").inner_text()
    assert ["id_file", ""] == page.evaluate("[document.activeElement.id, id_file.value]")
    assert before == keys(site, "media/")


def test_an_upload_whose_connection_broke_goes_on_where_it_was(site: Site, page: Any, film: Path) -> None:
    """What arrived is not sent again: the second part fails four times, and then it alone is sent."""
    broken = True
    numbers = []

    def answer(route: Any) -> None:
        second = "partNumber=2" in route.request.url or "part=2" in route.request.url.lower()
        numbers.append(2 if second else 1)
        if second and broken:
            route.abort()
        else:
            route.continue_()

    page.route(lambda url: "X-A" in url, answer)
    page.evaluate("window.setTimeout = ((later) => (call, time) => later(call, Math.min(time, 10)))(setTimeout)")
    page.set_input_files("#id_file", film)
    page.get_by_role("button", name="Try again").wait_for()
    assert "cannot be reached" in page.locator(".direct-upload [role=alert]").inner_text()
    look(page, "broken")
    broken = False
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("Save the form to keep it.").wait_for()
    assert {1: 1, 2: 5} == {number: numbers.count(number) for number in numbers}


def test_saving_waits_for_the_upload_and_a_mistake_elsewhere_keeps_it(site: Site, page: Any, film: Path) -> None:
    """A form is not sent while a file is under way; one that comes back still has its file."""
    send_slowly(page, 4_000_000)
    page.fill("#id_title", "")
    page.evaluate("id_title.required = false")
    page.set_input_files("#id_file", film)
    page.wait_for_function("seen.some(([value]) => value > 0)")
    page.click("[name=_save]")
    page.get_by_text("is still being uploaded").wait_for()
    page.get_by_text("Save the form to keep it.").wait_for()
    page.click("[name=_save]")
    page.get_by_text("A file was uploaded already.").wait_for()
    look(page, "mistake")
    page.fill("#id_title", "Nosferatu")
    page.click("[name=_save]")
    page.get_by_text("was added successfully").wait_for()


def test_the_reference_is_named_as_the_input_is_by_then(page: Any) -> None:
    """The admin numbers the inputs of a form that it adds to a page after it has copied them."""
    page.evaluate("id_file.name = 'film_set-3-file'")
    page.set_input_files("#id_file", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": MP4[:1000]})
    page.get_by_text("a.mp4 is uploaded.").wait_for()
    assert 1 == page.locator("input[type=hidden][name=film_set-3-file-reference]").count()


def test_a_file_of_another_type_is_refused_before_it_is_sent(site: Site, page: Any, poster: Path) -> None:
    """The page says why, and the input is empty again."""
    page.set_input_files("#id_file", poster)
    alert = page.locator(".direct-upload [role=alert]:not(:empty)")
    alert.wait_for()
    look(page, "refused")
    assert ("image/png is not allowed; allowed are video/*.", "") == (alert.inner_text(), page.input_value("#id_file"))


def test_without_javascript_the_form_carries_the_file(site: Site, browser: Any, film: Path) -> None:
    """The admin works as with any FileField."""
    with browser.new_context(java_script_enabled=False) as context:
        context.set_default_timeout(600_000)
        page = context.new_page()
        page.goto(f"{site.url}/admin/films/film/add/")
        page.fill("#id_username", NAME)
        page.fill("#id_password", PASSWORD)
        page.click("[type=submit]")
        page.fill("#id_title", "Silent")
        page.set_input_files("#id_file", film)
        page.click("[name=_save]")
        page.get_by_text("was added successfully").wait_for()


def test_an_api_uploads_and_gives_links(site: Site) -> None:
    """DRF's FileField saves into the store, and answers with a signed URL of the same bytes."""
    credentials = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    fields = {"title": b"Metropolis", 'file"; filename="metropolis.mp4': MP4[:100_000]}
    head = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    parts = (head.format(name).encode() + value for name, value in fields.items())
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "multipart/form-data; boundary=x"}
    body = b"\r\n".join([*parts, b"--x--\r\n"])
    request = urllib.request.Request(f"{site.url}/api/films/", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        created = json.load(answer)
    with urllib.request.urlopen(created["file"], timeout=600) as answer:
        assert MP4[:100_000] == answer.read()
    assert "media/films/metropolis.mp4" in keys(site, "media/films/")
