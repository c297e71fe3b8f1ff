"""The views of direct uploads, for ``path("uploads/", include("assetstore_django.urls"))``."""

from __future__ import annotations

from django.urls import URLPattern, path

from assetstore_django import views

app_name = "assetstore_django"
urlpatterns: list[URLPattern] = [
    path("begin", views.begin, name="begin"),
    path("part", views.part, name="part"),
    path("finish", views.finish, name="finish"),
    path("cancel", views.cancel, name="cancel"),
]
