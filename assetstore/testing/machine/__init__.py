"""Walks at random through a store beside a dict that must always agree with it. Needs hypothesis and pytest.

Define how to open the backend, and walk in a test::

    class MyMachine(StoreMachine):
        setup = "from my_plugin import MyBackend"
        opening = "MyBackend(root=folder)"

    def test_random_walks_agree_with_a_dict():
        walk(MyMachine)

Where they differ, the test fails with a few lines of Python that reproduce it.
"""

from assetstore.testing.machine.changing import ChangingRules
from assetstore.testing.machine.failing import FailingRules
from assetstore.testing.machine.keys import KEYS
from assetstore.testing.machine.reading import ReadingRules
from assetstore.testing.machine.walk import walk
from assetstore.testing.machine.walker import Divergence, Walker
from assetstore.testing.machine.writing import WritingRules

__all__ = ["KEYS", "Divergence", "StoreMachine", "Walker", "walk"]


class StoreMachine(WritingRules, ReadingRules, ChangingRules, FailingRules):
    """Does what users do, in random order, and compares each answer with that of a dict; see ``Walker``."""
