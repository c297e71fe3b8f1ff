"""A film has a file, which may be large, and a poster."""

from django.db import models
from easy_thumbnails.fields import ThumbnailerImageField

from assetstore_django import DirectUploadField


class Film(models.Model):
    """A film."""

    title = models.CharField(max_length=100)
    file = DirectUploadField(upload_to="films", types=["video/*"], max_size=5_000_000_000)
    poster = ThumbnailerImageField(upload_to="posters", blank=True)

    class Meta:
        """The order of the films."""

        ordering = ("title",)

    def __str__(self) -> str:
        return self.title
