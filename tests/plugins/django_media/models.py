"""Models whose files a browser sends straight to the store."""

from __future__ import annotations

from django.db import models

from assetstore_django import DirectUploadField


class Film(models.Model):
    """A film with a file."""

    title = models.CharField(max_length=100)
    file = DirectUploadField(upload_to="films", types=["video/*", ".txt"], max_size=30 << 20, part_size=5 << 20, blank=True)


class Poster(models.Model):
    """A file that anybody may send who says so."""

    file = DirectUploadField(may_upload=lambda request: request.META.get("HTTP_X_MAY") == "1")


class Portrait(models.Model):
    """A picture of somebody, or of nobody yet."""

    file = models.FileField(default="faces/old-nobody.txt")
    others = models.JSONField(default=list)


class LongFilm(Film):
    """A film in two tables."""

    trailer = models.FileField(upload_to="trailers")


class HistoricalFilm(models.Model):
    """What a film was, as django-simple-history keeps it."""

    file = models.TextField()
    instance_type = Film


class OldFilm(Film):
    """The same films by another name."""

    class Meta:
        """Django's."""

        proxy = True
