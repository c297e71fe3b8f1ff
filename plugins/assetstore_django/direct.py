"""Direct uploads of a model's field: who may send a file, under which name, and how a form proves that it is this user's.

A *token* leads from ``begin`` to ``finish``. A *reference* leads from ``finish`` to the form: it names the stored file. Both
are signed for one user or session and one field, so neither works for anybody else or anywhere else.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core import signing
from django.core.exceptions import FieldDoesNotExist
from django.http import HttpRequest
from django.utils.crypto import get_random_string

from assetstore import AssetInfo, InvalidOptionError, RefusedError, TokenError
from assetstore.plugin import limits
from assetstore_django.storage import AssetStorage

if TYPE_CHECKING:
    from assetstore_django.fields import DirectUploadField

REFERENCE_SECONDS = 86_400
"""How long a form may refer to a file that was uploaded for it."""
_SALT = "assetstore_django"


def field_named(label: str) -> DirectUploadField | None:
    """Return the field of a label such as ``shop.Film.file``; ``None`` where no file can be sent straight to a store."""
    from assetstore_django.fields import DirectUploadField

    model, _, name = label.rpartition(".")
    try:
        field = apps.get_model(model)._meta.get_field(name)
    except (LookupError, ValueError, FieldDoesNotExist):
        return None
    return field if isinstance(field, DirectUploadField) and is_direct(field) else None


def is_direct(field: DirectUploadField) -> bool:
    """Return whether the field's storage is a store that signs uploads."""
    return isinstance(field.storage, AssetStorage) and field.storage.store.can("begin_upload")


def may_change(request: HttpRequest, field: DirectUploadField) -> bool:
    """Return whether the user is of the staff and may add or change objects of the field's model."""
    user, options = getattr(request, "user", None), field.model._meta
    if user is None or not (user.is_active and user.is_staff):
        return False
    names = (get_permission_codename(action, options) for action in ("add", "change"))
    return any(user.has_perm(f"{options.app_label}.{name}") for name in names)


def begin(request: HttpRequest, field: DirectUploadField, filename: str, size: int) -> dict[str, Any]:
    """Name the file and sign its upload; return what the page needs to send it."""
    if size < 1:
        raise RefusedError("the file is empty", hint="choose another file")
    store, key = field.storage.store, field.storage.key(_new_name(field, filename))
    upload = store.begin_upload(
        key=key,
        size=size,  # the type comes from the key, as that of every file of a storage: what a browser claims may be a lie
        policy=field.policy,
        part_size=_part_size(field, size),
    )
    return {
        "token": signing.dumps(upload.token, salt=_salt("token", request, field)),
        "request": upload.request.as_dict() if upload.request else None,
        "part_size": upload.part_size,
        "part_count": upload.part_count,
    }


def sign_part(request: HttpRequest, field: DirectUploadField, token: str, number: int) -> dict[str, Any]:
    """Return the request that sends one part."""
    parts = field.storage.store.presign_parts(_store_token(request, field, token), [number])
    return {"request": parts[number].as_dict()}


def finish(request: HttpRequest, field: DirectUploadField, token: str) -> dict[str, Any]:
    """Let the store examine what was sent; return the reference for the form."""
    info: AssetInfo = field.storage.store.finish_upload(_store_token(request, field, token))
    reference = signing.dumps(info.key, salt=_salt("reference", request, field))
    return {"reference": reference}


def cancel(request: HttpRequest, field: DirectUploadField, token: str) -> dict[str, Any]:
    """Delete what was sent so far."""
    field.storage.store.cancel_upload(_store_token(request, field, token))
    return {}


def name_of(reference: str, request: HttpRequest, field: DirectUploadField) -> str:
    """Return the name of the file that this user uploaded for this field.

    Raises:
        TokenError: the reference is forged, somebody else's, another field's, or too old.
    """
    return _read("reference", reference, request, field)


def _store_token(request: HttpRequest, field: DirectUploadField, token: str) -> str:
    return _read("token", token, request, field, None)


def _read(
    purpose: str, text: str, request: HttpRequest, field: DirectUploadField, seconds: int | None = REFERENCE_SECONDS
) -> str:
    try:
        return str(signing.loads(text, salt=_salt(purpose, request, field), max_age=seconds))
    except signing.SignatureExpired as error:
        raise TokenError("the upload is too old", hint="choose the file again") from error
    except signing.BadSignature as error:
        raise TokenError("the upload is not yours or not of this field", hint="choose the file again") from error


def _salt(purpose: str, request: HttpRequest, field: DirectUploadField) -> str:
    """Bind a signature to its purpose, to the user or the session, and to the field, without showing any of them."""
    return f"{_SALT}.{purpose}:{field}:{_owner(request)}"


def _owner(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"user {user.pk}"
    session = getattr(request, "session", None)
    if session is None:
        raise TokenError("an upload needs a user or a session", hint="add SessionMiddleware to MIDDLEWARE")
    # Its key is no owner: there is none, or another one later, where sessions are kept in cookies.
    if _SALT not in session:
        session[_SALT] = get_random_string(32)
    return f"session {session[_SALT]}"


def _new_name(field: DirectUploadField, filename: str) -> str:
    """Return a name that no other upload gets, so that an upload that took an hour does not find it taken at its end."""
    # A browser gives no path; what else does is not to be believed. Django takes both slashes for a path.
    filename = posixpath.basename(filename.replace("\\", "/"))
    folder, _, base = field.generate_filename(field.model(), filename).rpartition("/")
    root, suffix = posixpath.splitext(base)
    name = posixpath.join(folder, field.storage.get_alternative_name(root, suffix))
    excess = len(name) - (field.max_length or len(name))
    if excess >= len(root):
        raise RefusedError("the file name is too long", hint="shorten it")
    if excess > 0:
        name = posixpath.join(folder, field.storage.get_alternative_name(root[:-excess], suffix))
    return str(name)


def _part_size(field: DirectUploadField, size: int) -> int | None:
    """Return the size of a part, large enough that there are not too many; ``None`` for a file that goes in one request."""
    store = field.storage.store
    if size <= field.part_size or not (store.can("begin_parts") and store.can("list_parts")):
        return None
    part_size: int = max(field.part_size, -(-size // limits.MAX_PARTS))
    if part_size > limits.MAX_PART:
        raise InvalidOptionError("the file is too large")
    return part_size
