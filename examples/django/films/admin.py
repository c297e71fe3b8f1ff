"""The admin needs nothing special: the field brings its widget."""

from django.contrib import admin

from films.models import Film

admin.site.register(Film)
