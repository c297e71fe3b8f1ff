"""The views of direct uploads."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("uploads/", include("assetstore_django.urls"))]
