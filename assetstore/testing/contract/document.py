"""The contract as a document, ``docs/contract.md``."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator

from assetstore.testing.contract.backend import SUBJECTS, guarantees
from assetstore.testing.contract.capabilities import PROOFS
from assetstore.testing.contract.odd_keys import INVALID_KEYS, ODD_KEYS

WIDTH = 120

INTRODUCTION = f"""
These are the semantics of the storage. Each sentence is the docstring of one test in `assetstore.testing.contract`, which
runs against every backend, on the whole store and on a part of it under a prefix. Among what is tried are
{len(ODD_KEYS)} odd keys that are valid and {len(INVALID_KEYS)} that are not.

A backend need not have every ability. What it has it claims, in `supports` and by the optional hooks that it implements;
where it does not claim an ability, using it is refused with `UnsupportedError` and nothing is written.
`assetstore plugins --capabilities` shows the claims of all installed backends, `assetstore verify-backend STORE` tries all
of this on a store of your own, and a plugin's author inherits the tests:

```python
import pytest
from assetstore.testing.contract import BackendContract

class TestMine(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path):
        return MyBackend(folder=tmp_path)
```
"""

CAPABILITIES = """
`store.can()` answers for each of these names. A backend that claims one fails a guarantee beside it unless it really works.
Where a backend has no `copy` or `download` of its own, the store reads and uploads instead.
"""


def markdown() -> str:
    """Return the whole document."""
    return "\n".join(_blocks())


def _blocks() -> Iterator[str]:
    yield "<!-- Made by `python -m assetstore.testing --markdown > docs/contract.md`; a test compares the two. -->\n"
    yield "# What every store guarantees"
    yield INTRODUCTION
    found = list(guarantees())
    for number, (title, subject) in enumerate(SUBJECTS.items(), 1):
        yield f"## {number}. {title}\n"
        for paragraph in inspect.cleandoc(subject.__doc__ or "").split("\n\n"):
            yield f"{_filled(paragraph)}\n"
        for guarantee in found:
            if guarantee.subject == title:
                sentence = f"**{guarantee.name[0].upper()}{guarantee.name[1:]}.** {guarantee.meaning}"
                yield _filled(sentence, "* ", "  ")
        yield ""
    yield f"## {len(SUBJECTS) + 1}. Capabilities"
    yield CAPABILITIES
    yield "| capability | shown by |\n|---|---|"
    names = {guarantee.test: guarantee.name for guarantee in found}
    for capability, tests in PROOFS.items():
        yield f"| `{capability}` | {'; '.join(names[test] for test in tests)} |"
    yield ""


def _filled(text: str, first: str = "", others: str = "") -> str:
    """Return a paragraph in lines of at most ``WIDTH``, its code marked as Markdown does."""
    text = text.replace("``", "`")
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
