"""Direct uploads of Django's forms: who may send a file, where it goes, and who may keep it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django_configured import configure

import local_server
from assetstore import AssetStore, PresignedRequest
from assetstore.testing import MemoryBackend

configure()

from django import forms  # noqa: E402 - Django must be configured first
from django.apps import apps  # noqa: E402
from django.contrib.auth.models import AnonymousUser, Permission, User  # noqa: E402
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db.migrations.writer import MigrationWriter  # noqa: E402
from django.forms.models import modelform_factory  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import Client, RequestFactory, override_settings  # noqa: E402

from assetstore_django import AssetStorage  # noqa: E402
from assetstore_django.middleware import DirectUploadMiddleware, current_request  # noqa: E402

Film, Poster = apps.get_model("django_media.Film"), apps.get_model("django_media.Poster")
TEXT = b"A film in words.\n"
Begun = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _tables() -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AssetStore]:
    """Give a folder whose signed requests are answered; all models keep their files below ``media/`` of it."""
    with local_server.running("wsgi", tmp_path) as store:
        for model in apps.get_app_config("django_media").get_models():
            for field in model._meta.local_fields:
                if hasattr(field, "storage"):
                    monkeypatch.setattr(field, "storage", AssetStorage(store, location="media"))
        yield store.scoped("media/")
        for model in (Film, Poster, User):
            model.objects.all().delete()


@pytest.fixture
def staff() -> Client:
    """Give a client signed in as one who may add films and nothing else."""
    return client_of("staff", "add_film", is_staff=True)


def client_of(name: str, *permissions: str, **options: Any) -> Client:
    """Return a client signed in as a new user."""
    user = User.objects.create(username=name, **options)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def ask(client: Client, action: str, label: str = "django_media.Film.file", **fields: Any) -> Any:
    """Send a request to a view, and return its answer."""
    return client.post(f"/uploads/{action}", {"field": label, **fields})


def begin(client: Client, name: str = "a film.txt", size: int = len(TEXT), **fields: Any) -> Any:
    """Begin an upload."""
    return ask(client, "begin", filename=name, size=size, **fields)


def put(request: dict[str, Any], body: bytes) -> int:
    """Send a signed request, and return the status."""
    signed = PresignedRequest(method=request["method"], url=request["url"], headers=request["headers"], expires_at=None)  # type: ignore[arg-type]
    return local_server.send(signed, body).status


def uploaded(client: Client) -> str:
    """Upload a film and return the reference."""
    begun = begin(client).json()
    assert put(begun["request"], TEXT) < 300
    reference = ask(client, "finish", token=begun["token"]).json()["reference"]
    assert isinstance(reference, str)
    return reference


def as_request(client: Client, answer: Callable[[HttpRequest], Any], **headers: str) -> Any:
    """Return what a view answers to a client's request, in the middleware."""
    request = RequestFactory().get("/", headers=headers)
    request.session = client.session
    request.user = User.objects.filter(pk=client.session.get("_auth_user_id")).first() or AnonymousUser()
    answered: list[Any] = []
    DirectUploadMiddleware(lambda request: answered.append(answer(request)) or HttpResponse())(request)
    return answered[0]


def saved(client: Client, reference: str, instance: Any = None, **fields: str) -> Any:
    """Send a form of a film with a reference, and return the form, saved if it is valid."""
    form_class = modelform_factory(Film, fields=["title", "file"])

    def answer(_: HttpRequest) -> forms.ModelForm:
        form = form_class({"title": "A", "file-reference": reference, **fields}, {}, instance=instance)
        if form.is_valid():
            form.save()
        return form

    return as_request(client, answer)


def test_a_file_goes_straight_to_the_store_and_is_saved_by_the_form(staff: Client, store: AssetStore) -> None:
    """The file is stored below ``upload_to`` of the location, once, and the object refers to it by its name."""
    assert {} == saved(staff, uploaded(staff)).errors
    film = Film.objects.get()
    assert [film.file.name] == [info.key for info in store.list()]
    assert film.file.name.startswith("films/a_film_")
    assert (TEXT, len(TEXT)) == (store.read(film.file.name), film.file.size)


def test_a_large_file_is_sent_in_parts(staff: Client, store: AssetStore) -> None:
    """Above ``part_size`` each part is signed by itself, in any order, and joined at the end."""
    data = b"0123456789abcdef" * (6 << 16)
    begun = begin(staff, size=len(data)).json()
    assert (None, 5 << 20, 2) == (begun["request"], begun["part_size"], begun["part_count"])
    for number, part in ((2, data[5 << 20 :]), (1, data[: 5 << 20])):
        signed = ask(staff, "part", token=begun["token"], number=number).json()["request"]
        assert put(signed, part) < 300
    assert {} == saved(staff, ask(staff, "finish", token=begun["token"]).json()["reference"]).errors
    assert data == store.read(Film.objects.get().file.name)


def test_two_uploads_of_one_name_at_the_same_time_are_both_kept(staff: Client, store: AssetStore) -> None:
    """The name is chosen at the beginning, and no other upload gets it."""
    both = [begin(staff).json() for _ in range(2)]
    for begun in both:
        put(begun["request"], TEXT)
    assert [200, 200] == [ask(staff, "finish", token=begun["token"]).status_code for begun in both]
    assert 2 == len(list(store.list()))


def test_a_cancelled_upload_leaves_nothing(staff: Client, store: AssetStore) -> None:
    """What was sent is deleted, and cannot be finished."""
    begun = begin(staff).json()
    put(begun["request"], TEXT)
    assert 200 == ask(staff, "cancel", token=begun["token"]).status_code
    assert 409 == ask(staff, "finish", token=begun["token"]).status_code
    assert [] == list(store.list())


@pytest.mark.parametrize("action", ["begin", "part", "finish", "cancel"])
def test_only_staff_who_may_add_or_change_the_objects_may_upload(action: str) -> None:
    """Nobody else gets further than the check, at any step."""
    outside = [
        Client(),
        client_of("user", "add_film"),
        client_of("other", "add_poster", is_staff=True),
        client_of("viewer", "view_film", is_staff=True),
        client_of("superuser", is_superuser=True),
    ]
    assert [403] * 5 == [ask(client, action).status_code for client in outside]
    inside = [client_of("editor", "change_film", is_staff=True), client_of("root", is_staff=True, is_superuser=True)]
    assert [400, 400] == [ask(client, action).status_code for client in inside]


def test_a_field_may_say_itself_who_may_upload() -> None:
    """``may_upload`` replaces the check; the session of one who is not signed in is the owner."""
    client = Client()
    fields = {"filename": "a.txt", "size": len(TEXT)}
    assert 403 == ask(client, "begin", "django_media.Poster.file", **fields).status_code
    client.defaults["HTTP_X_MAY"] = "1"
    begun = ask(client, "begin", "django_media.Poster.file", **fields).json()
    put(begun["request"], TEXT)
    other = Client(HTTP_X_MAY="1")
    assert 403 == ask(other, "finish", "django_media.Poster.file", token=begun["token"]).status_code
    assert 200 == ask(client, "finish", "django_media.Poster.file", token=begun["token"]).status_code


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
def test_a_session_owns_its_uploads_wherever_sessions_are_kept(engine: str) -> None:
    """A session in a cookie has no key that would tell one visitor from another, or that stays."""
    with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}"):
        one, other = Client(headers={"x-may": "1"}), Client(headers={"x-may": "1"})
        begun, _ = (begin(client, label="django_media.Poster.file").json() for client in (one, other))
        assert put(begun["request"], TEXT) < 300
        finished = [ask(who, "finish", "django_media.Poster.file", token=begun["token"]).status_code for who in (other, one)]
        assert [403, 200] == finished


@pytest.mark.parametrize(
    "label", ["", "x", "x.y.z", "django_media.Film.title", "django_media.Film.no", "django_media.LongFilm.trailer"]
)
def test_only_fields_for_direct_uploads_take_files(label: str) -> None:
    """Another field, and what is none, is answered as a missing permission is."""
    root = client_of("root", is_staff=True, is_superuser=True)
    assert 403 == ask(root, "begin", label, filename="a.txt", size=1).status_code


def test_the_views_want_a_csrf_token_and_post() -> None:
    """Another site cannot begin an upload in the user's name, even without CsrfViewMiddleware in the settings."""
    client = Client(enforce_csrf_checks=True)
    client.cookies = client_of("root", is_staff=True, is_superuser=True).cookies
    actions = ("begin", "part", "finish", "cancel")
    assert [403] * 4 == [ask(client, action).status_code for action in actions]
    assert [b"CSRF" in ask(client, action).content for action in actions] == [True] * 4
    assert [405] * 4 == [client.get(f"/uploads/{action}").status_code for action in actions]


def test_a_token_is_for_one_user_and_one_field(staff: Client) -> None:
    """Nobody else can finish, continue or cancel an upload, nor can it become a file of another field."""
    begun = begin(staff).json()
    put(begun["request"], TEXT)
    other = client_of("other", "add_film", is_staff=True)
    answers = [ask(other, action, token=begun["token"], number=1) for action in ("part", "finish", "cancel")]
    answers.append(ask(Client(HTTP_X_MAY="1"), "finish", "django_media.Poster.file", token=begun["token"]))
    assert [403] * 4 == [answer.status_code for answer in answers]
    assert {"the upload is not yours or not of this field; choose the file again"} == {
        answer.json()["error"] for answer in answers
    }
    assert 200 == ask(staff, "finish", token=begun["token"]).status_code


def test_a_form_takes_only_what_its_user_uploaded(staff: Client, store: AssetStore) -> None:
    """A reference of somebody else, a bare name, and a token are refused."""
    reference = uploaded(staff)
    [info] = store.list()
    other = client_of("other", "add_film", is_staff=True)
    token = begin(staff).json()["token"]
    forms_sent = [saved(other, reference), saved(staff, info.key), saved(staff, token), saved(staff, f"{reference}x")]
    assert [["file"]] * 4 == [list(form.errors) for form in forms_sent]
    assert 0 == Film.objects.count()


@pytest.mark.parametrize("reference", [1, ["a"], {"a": 1}])
def test_a_reference_that_is_no_text_is_refused(staff: Client, reference: Any) -> None:
    """A form may be filled from JSON."""
    assert saved(staff, reference).errors["file"][0].startswith("The upload is not yours")


def test_a_reference_is_used_once(staff: Client) -> None:
    """Two objects never share one file: deleting one would take the other's."""
    reference = uploaded(staff)
    assert {} == saved(staff, reference).errors
    assert {"file": ["The upload was saved already; choose the file again."]} == saved(staff, reference).errors


def test_a_file_that_was_deleted_meanwhile_is_missed(staff: Client, store: AssetStore) -> None:
    """The form does not refer to what is gone."""
    reference = uploaded(staff)
    store.delete(next(info.key for info in store.list()))
    assert ["file"] == list(saved(staff, reference).errors)


def test_a_form_that_comes_back_keeps_the_upload(staff: Client) -> None:
    """After the mistake of another field the reference is in the page, and in no form of another user."""
    reference = uploaded(staff)
    form = saved(staff, reference, title="")
    assert ["title"] == list(form.errors)
    page = as_request(staff, lambda _: str(form["file"]))
    assert f'data-reference="{reference}"' in page
    assert {} == saved(staff, reference).errors


def test_clearing_and_uploading_contradict_each_other(staff: Client) -> None:
    """As for a file that comes with the form."""
    saved(staff, uploaded(staff))
    form = saved(staff, uploaded(staff), Film.objects.get(), **{"file-clear": "on"})
    assert ["Please either submit a file or check the clear checkbox, not both."] == form.errors["file"]


@pytest.mark.parametrize(
    ("name", "size", "status"),
    [
        ("a.exe", 10, 422),
        ("a.mp4", 31 << 20, 422),
        ("a.mp4", 0, 422),
        ("a.mp4", "many", 400),
        ("..", 10, 400),
        ("../../a.mp4", 10, 200),
        ("é" * 200 + ".mp4", 10, 200),
        ("a." + "b" * 100, 10, 422),
    ],
)
def test_the_rules_of_the_field_hold_from_the_beginning(staff: Client, name: str, size: Any, status: int) -> None:
    """Type, size and name are examined before a byte is sent; a page's folders are left out, a long name is cut."""
    answer = begin(staff, name, size)
    assert status == answer.status_code
    assert status == 200 or answer.json()["error"]


@pytest.mark.parametrize("name", ["../private/a.txt", "private\\a.txt", "..\\a.txt", "C:\\private/a.txt"])
def test_a_name_chooses_no_folder(staff: Client, store: AssetStore, name: str) -> None:
    """Where files go is for ``upload_to`` to say, whatever separates the folders of a name."""
    begun = begin(staff, name).json()
    assert put(begun["request"], TEXT) < 300
    assert 200 == ask(staff, "finish", token=begun["token"]).status_code
    (key,) = [info.key for info in store.list()]
    assert key.startswith("films/a_")


@pytest.mark.parametrize(("name", "kind"), [("a.txt", "text/plain"), ("a", "application/octet-stream")])
def test_the_type_comes_from_the_name(store: AssetStore, name: str, kind: str) -> None:
    """A browser that calls a text a page does not make it one, so no script runs where files are shown."""
    client = Client(headers={"x-may": "1"})
    begun = begin(client, name, label="django_media.Poster.file", content_type="text/html").json()
    assert put(begun["request"], TEXT) < 300
    assert kind == begun["request"]["headers"]["content-type"]
    assert 200 == ask(client, "finish", "django_media.Poster.file", token=begun["token"]).status_code
    assert [kind] == [store.stat(info.key).content_type for info in store.list()]


def test_bytes_of_another_type_are_refused_at_the_end(staff: Client, store: AssetStore) -> None:
    """A program that calls itself a film is found out, and gone."""
    begun = begin(staff, "a.mp4", 64).json()
    put(begun["request"], b"MZ" + bytes(62))
    assert 422 == ask(staff, "finish", token=begun["token"]).status_code
    assert [] == list(store.list())


@pytest.mark.parametrize(
    ("file", "errors"),
    [
        (SimpleUploadedFile("a.txt", TEXT), []),
        (SimpleUploadedFile("a.exe", b"MZ", "text/plain"), ["file"]),
        (SimpleUploadedFile("a.mp4", b"MZ" + bytes(62), "video/mp4"), ["file"]),
        (SimpleUploadedFile("a.txt", b" " * (31 << 20)), ["file"]),
    ],
    ids=["allowed", "type", "bytes", "size"],
)
def test_a_form_without_javascript_carries_the_file_under_the_same_rules(
    store: AssetStore, file: Any, errors: list[str]
) -> None:
    """The field is a FileField to a form with the file in it, without a user and without the middleware."""
    form = modelform_factory(Film, fields=["title", "file"])({"title": "A"}, {"file": file})
    assert errors == list(form.errors)
    assert errors or store.read(form.save().file.name) == TEXT


def test_the_widget_offers_direct_uploads_to_those_who_may(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """For others, and for a store that signs nothing, it is a plain file input."""
    form = modelform_factory(Film, fields=["file"])
    page = as_request(staff, lambda _: str(form()["file"]))
    assert 'data-direct-upload="django_media.Film.file"' in page
    assert 'accept="video/*,text/plain"' in page
    assert "direct-upload.js" in str(form().media)
    assert "data-direct" not in as_request(client_of("user"), lambda _: str(form()["file"]))
    assert "data-direct" not in str(form()["file"])
    monkeypatch.setattr(Film._meta.get_field("file"), "storage", AssetStorage(AssetStore(MemoryBackend())))
    assert "data-direct" not in as_request(staff, lambda _: str(form()["file"]))


def test_the_field_names_what_it_lacks_and_migrates_as_a_file() -> None:
    """Checks name the middleware and the URLs; a change of the rules needs no migration."""
    field = Film._meta.get_field("file")
    assert [] == field.check()
    with override_settings(MIDDLEWARE=[], ROOT_URLCONF="assetstore_django.urls"):
        assert ["assetstore.E101", "assetstore.E102"] == [message.id for message in field.check()]
    assert {"upload_to": "films", "blank": True} == {
        name: value for name, value in field.deconstruct()[3].items() if name != "storage"
    }
    plain = type(field)(upload_to="films", types=["video/*"])
    text, imports = MigrationWriter.serialize(plain)
    assert ("assetstore_django.DirectUploadField(upload_to='films')", {"import assetstore_django"}) == (text, imports)


def test_a_form_without_a_model_takes_the_field_too(staff: Client, store: AssetStore) -> None:
    """Its cleaned value is the stored file, which can be read and has a URL."""

    class AnyForm(forms.Form):
        file = Film._meta.get_field("file").formfield()

    reference = uploaded(staff)

    def answer(_: HttpRequest) -> Any:
        form = AnyForm({"file-reference": reference}, {})
        return form.is_valid() and form.cleaned_data["file"]

    file = as_request(staff, answer)
    assert (TEXT, len(TEXT)) == (store.read(file.name), file.size)
    assert "X-Assetstore-Signature" in file.url


@pytest.mark.parametrize("is_asynchronous", [False, True])
def test_a_request_is_known_only_while_it_is_answered(is_asynchronous: bool) -> None:
    """A form outside of a request takes no reference, under WSGI and ASGI."""
    seen = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(current_request() is request)
        return HttpResponse()

    async def answer_later(request: HttpRequest) -> HttpResponse:
        return answer(request)

    if is_asynchronous:
        asyncio.run(DirectUploadMiddleware(answer_later)(HttpRequest()))
    else:
        DirectUploadMiddleware(answer)(HttpRequest())
    assert ([True], None) == (seen, current_request())
    form = modelform_factory(Film, fields=["file"])({"file-reference": "x"}, {})
    assert "DirectUploadMiddleware in MIDDLEWARE" in form.errors["file"][0]
