"""``DirectUploadInput``: an ``<input type="file">`` whose script sends the file straight to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from django import forms
from django.forms.widgets import FILE_INPUT_CONTRADICTION
from django.urls import reverse

from assetstore_django import direct, middleware

if TYPE_CHECKING:
    from assetstore_django.fields import DirectUploadField


@attrs.frozen
class Reference:
    """What a form has instead of a file that was sent straight to the store.

    Attributes:
        text: the signed reference.
        initial: the file that the form had before.
    """

    text: str = attrs.field(repr=False)
    initial: Any = None


class DirectUploadInput(forms.ClearableFileInput):  # type: ignore[misc]  # Django has no types
    """Chooses a file; the script beside it sends the file as soon as it is chosen and leaves a reference in the form."""

    model_field: DirectUploadField | None = None

    def __init__(self, attrs: dict[str, Any] | None = None, *, template_name: str | None = None) -> None:
        """Describe the widget.

        Args:
            attrs: attributes of the element.
            template_name: the template of a ``ClearableFileInput``, by default Django's.
        """
        super().__init__(attrs)
        if template_name is not None:
            self.template_name = template_name

    @property
    def media(self) -> forms.Media:
        """The script."""
        return forms.Media(js=["assetstore_django/direct-upload.js"])

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Tell the script where to send the file, if the store takes it and the user may."""
        reference = value if isinstance(value, Reference) else None
        context: dict[str, Any] = super().get_context(name, reference.initial if reference else value, attrs)
        request = middleware.current_request()
        field = self.model_field
        if field is not None and request is not None and direct.is_direct(field) and field.allows(request):
            context["widget"]["attrs"]["data-direct-upload"] = str(field)
            for action in ("begin", "part", "finish", "cancel"):
                context["widget"]["attrs"][f"data-{action}-url"] = reverse(f"assetstore_django:{action}")
            if reference:
                context["widget"]["attrs"]["data-reference"] = reference.text
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the file that came with the form, else the reference, if there is one."""
        file = super().value_from_datadict(data, files, name)
        text = data.get(_reference_name(name))
        if not text or file:
            return file
        return FILE_INPUT_CONTRADICTION if file is False else Reference(str(text))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Return whether the form says nothing about the file."""
        return super().value_omitted_from_data(data, files, name) and _reference_name(name) not in data


def _reference_name(name: str) -> str:
    return f"{name}-reference"
