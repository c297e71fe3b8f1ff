"""``DirectUploadField``: a file of a model that a browser sends straight to the store, and its form field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
from django import forms
from django.conf import settings
from django.core import checks
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.db.models.fields.files import FieldFile
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from assetstore import AssetStoreError, InvalidOptionError, UploadPolicy
from assetstore.plugin import allows, guess_content_type, limits, refusal
from assetstore_django import direct, middleware
from assetstore_django.widgets import DirectUploadInput, Reference

PART_SIZE = 16 * limits.MIB


class DirectUploadFormField(forms.FileField):  # type: ignore[misc]  # Django has no types
    """A file of a form: a reference to what was sent straight to the store or, without JavaScript, the file itself."""

    widget = DirectUploadInput

    def __init__(self, *, model_field: DirectUploadField, **options: Any) -> None:
        """Describe the field.

        Args:
            model_field: says where the file goes, what is allowed, and who may send it.
            **options: as for ``forms.FileField``.
        """
        self.model_field = model_field
        super().__init__(**options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Offer the types that are allowed, and tell the widget its field."""
        widget.model_field = self.model_field
        accept = ",".join(self.model_field.policy.types)
        return {**super().widget_attrs(widget), **({"accept": accept} if accept else {})}

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the stored file, or the file that came with the form."""
        if isinstance(data, Reference):
            data = self._stored(data)
        elif isinstance(data, UploadedFile):
            self._require_allowed(data)
        return super().clean(data, initial)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Keep the reference while the form is shown again for the mistake of another field."""
        return attrs.evolve(data, initial=initial) if isinstance(data, Reference) else initial

    def _stored(self, reference: Reference) -> FieldFile:
        """Return the file that a reference names, which no object may have yet."""
        field, request = self.model_field, middleware.current_request()
        try:
            if request is None:
                raise InvalidOptionError(f"direct uploads need {middleware.NAME} in MIDDLEWARE")
            name = direct.name_of(reference.text, request, field)
            if models.QuerySet(field.model).filter(**{field.name: name}).exists():
                raise InvalidOptionError("the upload was saved already", hint="choose the file again")
            file = field.attr_class(None, field, name)
            file.size  # noqa: B018 - asks the store whether the file is still there
        except AssetStoreError as error:
            raise ValidationError(_sentence(error), code="invalid") from error
        return file

    def _require_allowed(self, file: UploadedFile) -> None:
        """Hold a file that came with the form to the rules of those that go straight to the store."""
        policy, kind = self.model_field.policy, guess_content_type(file.name)
        if policy.max_size is not None and file.size > policy.max_size:
            message = f"The file must have at most {policy.max_size} bytes, it has {file.size}."
            raise ValidationError(message, code="max_size")
        if not policy.types:
            return
        file.seek(0)
        reason = refusal(kind, file.read(limits.HEAD_BYTES)) if allows(policy.types, kind) else f"{kind} is not allowed"
        file.seek(0)
        if reason:
            raise ValidationError(f"{reason}; allowed are {', '.join(policy.types)}", code="type")


class DirectUploadField(models.FileField):  # type: ignore[misc]  # Django has no types
    """A file that forms, also the admin's, send straight from the browser to the store, in parts if it is large.

    The storage is an ``AssetStorage``; with any other the field is a plain ``FileField``. It needs the views of
    ``assetstore_django.urls`` and, behind the one of authentication in ``MIDDLEWARE``,
    ``assetstore_django.middleware.DirectUploadMiddleware``. A form that is sent without JavaScript carries the file itself,
    under the same rules.

    ``upload_to`` may be a function; of a direct upload it gets an empty, unsaved object.

    Attributes:
        policy: which types and sizes are allowed.
        part_size: larger files are sent in parts of this many bytes.
        may_upload: ``may_upload(request) -> bool`` says who may send a file; ``None`` lets in staff who may add or change
            objects of the model.
    """

    def __init__(
        self,
        *args: Any,
        types: Iterable[str] = (),
        max_size: int | None = None,
        part_size: int = PART_SIZE,
        may_upload: Callable[[HttpRequest], bool] | None = None,
        **options: Any,
    ) -> None:
        """Describe the field.

        Args:
            *args: as for ``FileField``.
            types: the media types that are allowed, for example ``"video/*"``, or suffixes; by default all.
            max_size: the most bytes of a file.
            part_size: larger files are sent in parts of this many bytes, at least 5 MiB.
            may_upload: says whether the user of a request may send a file.
            **options: as for ``FileField``.

        Raises:
            InvalidOptionError: a value is out of its range.
        """
        self.policy: UploadPolicy = UploadPolicy(types=tuple(types), max_size=max_size)
        if not limits.MIN_PART <= part_size <= limits.MAX_PART:
            message = f"part_size must be between {limits.MIN_PART} and {limits.MAX_PART} bytes, got {part_size}"
            raise InvalidOptionError(message)
        self.part_size = part_size
        self.may_upload = may_upload
        super().__init__(*args, **options)

    def allows(self, request: HttpRequest) -> bool:
        """Return whether the user of a request may send a file."""
        return self.may_upload(request) if self.may_upload else direct.may_change(request, self)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Return how a migration writes this field; what is allowed does not concern the database."""
        name, path, arguments, options = super().deconstruct()
        return name, "assetstore_django.DirectUploadField" if type(self) is DirectUploadField else path, arguments, options

    def formfield(self, **options: Any) -> Any:
        """Return the field for a form, with the looks of the widget that is asked for, for example the admin's."""
        widget = options.pop("widget", None)
        if not isinstance(widget, DirectUploadInput):
            template = getattr(widget, "template_name", None)
            widget = widget() if _is_direct(widget) else DirectUploadInput(template_name=template)
        given = {"form_class": DirectUploadFormField, "model_field": self, "widget": widget}
        return super().formfield(**{**given, **options})

    def check(self, **options: Any) -> list[checks.CheckMessage]:
        """Find what direct uploads lack."""
        messages: list[checks.CheckMessage] = super().check(**options)
        if middleware.NAME not in settings.MIDDLEWARE:
            hint = f"Add {middleware.NAME!r} to MIDDLEWARE, behind AuthenticationMiddleware."
            messages.append(checks.Error("Direct uploads need a middleware.", hint=hint, obj=self, id="assetstore.E101"))
        try:
            reverse("assetstore_django:begin")
        except NoReverseMatch:
            hint = "Add path('uploads/', include('assetstore_django.urls')) to the URLconf."
            messages.append(checks.Error("Direct uploads need their views.", hint=hint, obj=self, id="assetstore.E102"))
        return messages


def _is_direct(widget: Any) -> bool:
    return isinstance(widget, type) and issubclass(widget, DirectUploadInput)


def _sentence(error: AssetStoreError) -> str:
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    return f"{text[0].upper()}{text[1:]}."
