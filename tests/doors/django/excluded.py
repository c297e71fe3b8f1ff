"""The cases of Django's own tests that a store cannot pass, each with its reason.

A name without a class stands for the case in every class that inherits it.
"""

from __future__ import annotations

import django

NOT_RUN = {
    "test_extended_length_storage": "looks for the longest name of the disk, and never ends where there is none",
    "test_file_get_created_time": "compares with the disk to the microsecond, which agrees by chance",
    "test_file_get_modified_time": "compares with the disk to the microsecond, which agrees by chance",
}

_FILE_SYSTEM = {
    "test_base_url": "the option base_url of FileSystemStorage",
    "test_callable_storage_file_field_in_model": "the location is a folder of the disk",
    "test_defaults": "the default settings, where the suite has put our storage",
    "test_delete_deletes_directories": "makes and deletes a folder of the disk; a store has none",
    "test_empty_location": "the attribute base_location of FileSystemStorage",
    "test_file_save_broken_symlink": "makes a link on the disk",
    "test_file_save_with_path": "asks for the folder above a file; a store has none",
    "test_file_upload_directory_permissions": "the modes of folders on the disk",
    "test_file_upload_permissions": "the modes of files on the disk",
    "test_file_url": "compares with base_url, and which characters are escaped",
    "test_listdir": "makes an empty folder on the disk; a store has none",
    "test_makedirs_race_handling": "replaces os.makedirs",
    "test_move_temporary_file": "expects the temporary file to be moved on the disk; a store copies it",
    "test_not_a_directory": "the file's name is a path of the disk from its root",
    "test_race_condition": "lists the folder on the disk, where a local store has one of its own",
    "test_readonly_root": "takes the right to write from a folder of the disk",
    "test_remove_race_handling": "replaces os.remove",
    "test_setting_changed": "the settings of FileSystemStorage",
}
if django.VERSION < (6,):
    _FILE_SYSTEM |= dict.fromkeys(
        (
            "OverwritingStorageOSOpenFlagsTests.test_save_doesnt_close",
            "OverwritingStorageOSOpenFlagsTests.test_save_overwrite_behavior",
            "test_os_open_flags_deprecation_warning",
        ),
        "the flags with which FileSystemStorage opens files",
    )
_NEEDS_FILES = {
    "test_directory_with_dot": "looks for the file on the disk",
    "test_file_get_accessed_time": "a store that is not on the disk does not know it",
    "test_file_get_accessed_time_timezone": "a store that is not on the disk does not know it",
    "test_file_methods_pathlib_path": "asks for the path of a file",
    "test_file_object": "asks for the path of a file",
    "test_file_path": "asks for the path of a file",
    "test_file_save_without_name": "looks for the file on the disk",
    "test_file_storage_preserves_filename_case": "asks for the path of a file",
    "test_file_upload_default_permissions": "the modes of files on the disk",
    "test_file_upload_directory_default_permissions": "the modes of folders on the disk",
    "test_filename_case_preservation": "asks for the path of a file",
    "test_first_character_dot": "looks for the file on the disk",
    "OverwritingStorageTests.test_save_overwrite_behavior_temp_file": "looks for the file on the disk",
}
_NEEDS_URLS = {"FileFieldTests.test_pickle": "asks for a URL; a store in memory has none"}
_STATIC = {"test_manifest_does_not_ignore_permission_error": "replaces open"}
_STATIC_NEEDS_FILES = {
    "test_clear_empties_manifest": "asks for the path of a file",
    "test_intermediate_files": "lists the folder on the disk",
    "test_manifest_exists": "asks for the path of a file",
}
EXCLUDED = {
    "local": _FILE_SYSTEM | _STATIC,
    "memory": _FILE_SYSTEM | _NEEDS_FILES | _NEEDS_URLS,
    "s3": _FILE_SYSTEM | _NEEDS_FILES | _STATIC | _STATIC_NEEDS_FILES,
}


def reason(store: str, test: str) -> str | None:
    """Return why a case is excluded, or ``None``; ``test`` is the full name that unittest gives."""
    class_name, _, method = test.rpartition(".")
    return EXCLUDED[store].get(f"{class_name.rpartition('.')[2]}.{method}") or EXCLUDED[store].get(method)
