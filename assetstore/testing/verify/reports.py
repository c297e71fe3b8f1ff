"""Formats a verification as text, JSON or Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assetstore.cli.text import counted, plain, without_secrets

if TYPE_CHECKING:
    from assetstore.testing.verify.live_store import LiveStore
    from assetstore.testing.verify.verdicts import Outcome, Verdict, Verification

PLURALS: dict[Outcome, str] = {"holds": "hold", "FAILS": "FAIL", "not claimed": "not claimed", "skipped": "skipped"}


def as_text(done: Verification) -> str:
    """Return a line for each guarantee, capability and observation; failures are followed by meaning and reason."""
    return "\n".join(_text_lines(done))


def _text_lines(done: Verification) -> Iterator[str]:
    yield f"{_clean(done.store)} ({_clean(done.location)}), {done.started:%Y-%m-%d %H:%M} UTC"
    subject = None
    for verdict in done.verdicts:
        if verdict.guarantee.subject != subject:
            subject = verdict.guarantee.subject
            yield f"\n{subject}"
        yield f"  {verdict.outcome:<11}  {verdict.guarantee.name}{_without(verdict)}"
        if verdict.outcome == "FAILS":
            yield f"    means: {_one_line(verdict.guarantee.meaning)}"
            yield f"    why:   {_clean(verdict.reason or 'no reason given')}"
    yield "\nCapabilities"
    for capability, claim in done.claims.items():
        yield f"  {claim:<11}  {capability}"
    yield ""
    for observation in done.observations:
        yield f"observed: {_clean(observation)}"
    yield sum_up(done)


def sum_up(done: Verification) -> str:
    """Return a summary in one sentence."""
    counts = Counter(verdict.outcome for verdict in done.verdicts)
    parts = [f"{counts[outcome]:,} {plural}" for outcome, plural in PLURALS.items() if counts[outcome]]
    return f"{counted(len(done.verdicts), 'guarantee')}: {', '.join(parts)}; {done.seconds:.1f} s; {left_behind(done)}"


def left_behind(done: Verification | LiveStore) -> str:
    """Return in words what is left under the prefix."""
    leftovers = done.leftovers
    if leftovers.reason is not None:
        count = counted(leftovers.left, "asset") if leftovers.left else "assets"
        return f"left behind under {done.prefix}: {count}, {_clean(leftovers.reason)}"
    removed = f", {counted(leftovers.removed, 'asset')} had to be removed" if leftovers.removed else ""
    return f"nothing is left behind{removed}"


def as_json(done: Verification) -> str:
    """Return one JSON object on one line."""
    return json.dumps(
        {
            "store": _clean(done.store),
            "location": _clean(done.location),
            "ok": done.ok,
            "started": done.started.isoformat(),
            "seconds": round(done.seconds, 3),
            "guarantees": [
                {
                    "subject": verdict.guarantee.subject,
                    "name": verdict.guarantee.name,
                    "meaning": _one_line(verdict.guarantee.meaning),
                    "outcome": verdict.outcome,
                    "reason": None if verdict.reason is None else _clean(verdict.reason),
                    "without": list(verdict.without),
                    "seconds": round(verdict.seconds, 3),
                }
                for verdict in done.verdicts
            ],
            "capabilities": dict(done.claims),
            "observations": [_clean(observation) for observation in done.observations],
            "left_behind": _leftovers(done),
        }
    )


def _leftovers(done: Verification) -> dict[str, object] | None:
    left, reason = done.leftovers.left, done.leftovers.reason
    return None if reason is None else {"prefix": done.prefix, "count": left or None, "reason": _clean(reason)}


def as_markdown(done: Verification) -> str:
    """Return Markdown tables for publication."""
    return "\n".join(_markdown_lines(done))


def _markdown_lines(done: Verification) -> Iterator[str]:
    yield f"# {_cell(done.store)}\n\n{_cell(done.location)}, {done.started:%Y-%m-%d %H:%M} UTC\n\n{_cell(sum_up(done))}\n"
    yield "## Guarantees\n\n| subject | guarantee | outcome |\n|---|---|---|"
    for verdict in done.verdicts:
        reason = f": {verdict.reason}" if verdict.reason else ""
        outcome = f"{verdict.outcome}{_without(verdict)}{reason}"
        yield f"| {verdict.guarantee.subject} | {_cell(verdict.guarantee.name)} | {_cell(outcome)} |"
    yield "\n## Capabilities\n\n| capability | claim |\n|---|---|"
    for capability, claim in done.claims.items():
        yield f"| `{capability}` | {claim} |"
    if done.observations:
        yield "\n## Observed\n"
        yield from (f"* {_cell(observation)}" for observation in done.observations)


def _without(verdict: Verdict) -> str:
    return f" ({', '.join(verdict.without)})" if verdict.without and verdict.outcome == "not claimed" else ""


def _one_line(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _clean(text: str) -> str:
    return plain(without_secrets(text)).replace("\n", " ")


def _cell(text: str) -> str:
    return _clean(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
