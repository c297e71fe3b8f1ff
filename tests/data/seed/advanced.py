"""What programs do with the older class: its counters and keys."""
# ruff: noqa: T201 - such programs print

from assetstore_r2 import R2AssetManager


def main(r2: R2AssetManager) -> str:
    """Print the counters, set them to zero and return a new key."""
    stats = r2.get_stats()
    print(f"Uploads: {stats['uploads']['count']} files, {stats['uploads']['bytes']} bytes")
    print(f"Downloads: {stats['downloads']['count']} files, {stats['downloads']['bytes']} bytes")
    print(f"Errors: {stats['uploads']['errors']} upload errors, {stats['downloads']['errors']} download errors")

    r2.reset_stats()

    return r2.generate_file_key("myfile.png", "screenshots")
