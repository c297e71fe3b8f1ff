"""What programs do with the older class: its basic operations, one after the other."""
# ruff: noqa: T201 - such programs print

from assetstore_r2 import R2AssetManager


def main(file: str, copy: str) -> None:
    """Store a file, look at it, fetch it and delete it."""
    r2 = R2AssetManager()

    if not r2.is_r2_configured():
        print("R2 is not configured!")
        return

    result = r2.upload_file(file, "images")
    if result.success:
        print(f"Uploaded: {result.url}")
        print(f"File key: {result.file_key}")
    else:
        print(f"Upload failed: {result.error}")

    download_result = r2.download_file(result.file_key, copy)
    if download_result.success:
        print(f"Downloaded to: {download_result.local_path}")

    presigned_url = r2.get_presigned_url(result.file_key, expiration=3600)
    print(f"Temporary URL: {presigned_url}")

    info = r2.get_object_info(result.file_key)
    if info:
        print(f"Size: {info['size']} bytes")
        print(f"Last modified: {info['last_modified']}")
        print(f"Content type: {info['content_type']}")

    objects = r2.list_objects(prefix="images/", max_keys=100)
    for obj in objects:
        print(f"{obj['key']} - {obj['size']} bytes")

    if r2.delete_file(result.file_key):
        print("File deleted successfully")
