"""``plugins --capabilities``: the matrix of what each backend can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assetstore.cli.capabilities import CAPABILITIES, LEGEND, LEGEND_OF_DEPENDS

if TYPE_CHECKING:
    from running import Run


def test_the_matrix_has_a_row_for_each_capability(run: Run) -> None:
    """Each backend, also a third party's, has a column; other plugins have none."""
    done = run("plugins", "--capabilities")
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in done.lines}
    assert list(CAPABILITIES) == list(rows)
    assert {6} == {len(row) for row in rows.values()}
    assert (0, [LEGEND, LEGEND_OF_DEPENDS]) == (done.code, done.err.splitlines())


def test_the_matrix_as_json(run: Run) -> None:
    """One object for each backend maps each capability to its provider: the backend, the store or nobody."""
    found = {record["name"]: record["capabilities"] for record in run("plugins", "--capabilities", "--json").records}
    assert {"local", "memory", "r2", "s3", "stub"} <= found.keys()
    assert "naming" not in found
    assert ("yes", "no") == (found["stub"]["presign"], found["memory"]["presign"])
    assert ("yes", "yes", "yes") == tuple(found["r2"][name] for name in ("copy", "copy.overwrite", "presign.sha256"))
    assert "store" == found["s3"]["copy.overwrite"]
    assert ("?", "?", "no") == tuple(found[name]["url"] for name in ("local", "r2", "memory"))
    assert ("yes", "no") == tuple(found[name]["application"] for name in ("local", "r2"))


def test_the_matrix_fits_a_terminal(run: Run) -> None:
    """It is drawn in 80 columns."""
    lines = run("plugins", "--capabilities", terminal=True).lines
    assert len(CAPABILITIES) + 2 == len(lines)
    assert all(len(line) <= 80 for line in lines[2:])
