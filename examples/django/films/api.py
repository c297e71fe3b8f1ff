"""Films by Django REST framework, whose FileField uploads through the site."""

from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet

from films.models import Film


class FilmSerializer(ModelSerializer):
    """A film; its files come as signed URLs."""

    class Meta:
        """What it shows."""

        model = Film
        fields = ("id", "title", "file", "poster")


class FilmViewSet(ModelViewSet):
    """Lists, shows, creates, changes and deletes films."""

    queryset = Film.objects.all()
    serializer_class = FilmSerializer
