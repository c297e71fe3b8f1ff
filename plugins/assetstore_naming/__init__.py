"""Names assets that are uploaded without a key: ``timestamp``, ``content-hash``, ``original`` and ``template``."""

from assetstore_naming.filenames import clean_filename
from assetstore_naming.naming import Naming

__all__ = ["Naming", "clean_filename"]
