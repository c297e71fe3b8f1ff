"""Judges pages by axe-core, which npm fetches: https://github.com/dequelabs/axe-core."""

from __future__ import annotations

import fcntl
import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
WANTED = ROOT / "tests" / "data" / "axe" / "package.json"
INSTALLED = ROOT / ".cache" / "axe"
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 360)]
RUN = """async () => {
    const rules = { "target-size": { enabled: true } };
    const { violations } = await axe.run(document, { rules, resultTypes: ["violations"] });
    return violations.flatMap(({ id, impact, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${impact} ${id} ${target.join(" ")}: ${failureSummary}`));
}"""


@functools.cache
def script() -> str:
    """Return the text of axe-core in the version that package.json names; one process at a time installs it."""
    from servers.emulator import NODE, NPM

    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete, wanted = INSTALLED / "complete.json", WANTED.read_text()
        if not complete.exists() or complete.read_text() != wanted:
            shutil.copy(WANTED, INSTALLED)
            options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
            subprocess.run([NODE, NPM, "install", *options], cwd=INSTALLED, check=True, capture_output=True)
            complete.write_text(wanted)
    return (INSTALLED / "node_modules" / "axe-core" / "axe.min.js").read_text()


def problems(page: Any) -> list[str]:
    """Return what axe finds on a page in light and dark, wide and narrow; what it finds in several of them once for each."""
    found = []
    has_axe = page.evaluate("typeof axe === 'object'")
    if not has_axe:
        page.evaluate(script())  # the policy of the pages lets in no script by its tag
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{scheme} {width}: {problem}" for problem in page.evaluate(RUN)]
    return found
