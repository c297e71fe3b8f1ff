"""The addresses of the site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import ListView
from films.api import FilmViewSet
from films.models import Film
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register("films", FilmViewSet)

urlpatterns = [
    path("", ListView.as_view(model=Film)),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    path("uploads/", include("assetstore_django.urls")),
]
