"""Figure 11: plugins that break out of their role beside every command, and a search for secrets in what is written."""

from __future__ import annotations

from collections import Counter

import servers
from hostile_plugins import matrix
from score.canary import sightings
from score.figure import Outcome, Run

_GOOD = ("works", "stopped")


def measure(run: Run) -> Outcome:
    """Count the pairs of a plugin and a command after which all is well, and the secrets that were seen."""
    verdicts = matrix(run.folder / "plugins")
    notes = [f"{plugin}, {command}: {text}" for (plugin, command), text in verdicts.items() if text not in _GOOD]
    value = f"{len(verdicts) - len(notes)} of {len(verdicts)}"
    for name in ("server", "canary"):
        (run.folder / name).mkdir()
    try:
        with servers.seaweedfs(run.folder / "server") as server:
            search = sightings(server, run.folder / "canary", short=run.short)
    except FileNotFoundError as missing:
        return Outcome(value=value, passed=False, notes=tuple(notes), left_out=(f"the search for secrets: {missing}",))
    places = Counter(sighting.what for sighting in search.sightings)
    first = {sighting.what: sighting.place for sighting in reversed(search.sightings)}
    notes += [f"{count} × {what}, for example in {first[what]}" for what, count in places.items()]
    value += f"; {len(search.sightings)} sightings in {search.looked:,} texts"
    return Outcome(value=value, passed=not notes, notes=tuple(notes))
