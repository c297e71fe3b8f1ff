"""What every backend guarantees, as tests to inherit. Needs pytest.

A plugin's author writes::

    from assetstore.testing.contract import BackendContract

    class TestMine(BackendContract):
        @pytest.fixture
        def backend(self, tmp_path):
            return MyBackend(folder=tmp_path)

``python -m assetstore.testing --list`` prints all guarantees.
"""

import pkgutil

import pytest

# Without this, a guarantee that fails would not tell which values differ.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)))

from assetstore.testing.contract.backend import BackendContract  # noqa: E402 - only now, rewritten
from assetstore.testing.contract.odd_keys import INVALID_KEYS, ODD_KEYS  # noqa: E402 - as above

__all__ = ["INVALID_KEYS", "ODD_KEYS", "BackendContract"]
