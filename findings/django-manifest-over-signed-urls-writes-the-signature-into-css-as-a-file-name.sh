#!/usr/bin/env bash
# Guess: ManifestFilesMixin over a storage with signed URLs works, as url() is the storage's; or collectstatic refuses it.
# Instead: collectstatic reports success, and each url(...) of a style sheet becomes what follows the last "/" of the signed URL
#   of the picture, after it was unquoted: a piece of the signature in place of a file name. The pictures of the site are gone.
# Versions: Django 5.2.19, boto3 1.44.8 (its URLs of S3, signed by SigV4 with the scope in the query).
# Output seen, 2026-11-28: exit 0, 2 post-processed; url("aws4_request&X-Amz-Date=...") in place of url("b.HASH.png")
# Who meets it: whoever puts the static files of a site into a private bucket by a storage that signs its URLs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q Django==5.2.19 boto3==1.44.8 >/dev/null 2>&1 || exit 77
mkdir source
echo 'b { background: url("b.png") }' >source/a.css
echo picture >source/b.png
cat >finding.py <<'PY'
import io
import pathlib
import re

import boto3
import django
from botocore.config import Config
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.staticfiles"],
    STATICFILES_DIRS=["source"],
    STATIC_ROOT="collected",
    STATIC_URL="/static/",
    STORAGES={"staticfiles": {"BACKEND": "__main__.Hashed"}},
)
from django.contrib.staticfiles.storage import ManifestFilesMixin, StaticFilesStorage
from django.core.management import call_command

keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "example"}
s3 = boto3.client("s3", region_name="eu-west-1", config=Config(signature_version="s3v4"), **keys)


class Signed(StaticFilesStorage):
    def url(self, name):
        return s3.generate_presigned_url("get_object", Params={"Bucket": "site", "Key": name})


class Hashed(ManifestFilesMixin, Signed):
    pass


django.setup()
output = io.StringIO()
call_command("collectstatic", interactive=False, stdout=output)
(sheet,) = pathlib.Path("collected").glob("a.*.css")
written = re.search(r'url\("(.*?=)', sheet.read_text())
print(f'{output.getvalue().strip()[-17:]} url("{written[1] if written else ""}...")')
PY
seen=$(venv/bin/python finding.py 2>/dev/null | tail -1)
echo "$seen"
test "$seen" = '2 post-processed. url("aws4_request&X-Amz-Date=...")'
