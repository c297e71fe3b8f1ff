"""The commands ``stats``, ``stores`` and ``plugins``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from assetstore.bulk.cost import Cost, cost_of, total_cost
from assetstore.cli.session import Session, command, dry_run_option, where
from assetstore.cli.text import as_record, plain, readable_size, shown, without_secrets
from assetstore.config import FILE_NAME, configured_plugins, find_config
from assetstore.entry_points import installed_plugins


@command("stats",
    examples=(
        "assetstore -s dev stats",
        "assetstore -s prod stats --cost",
    ),
)
@click.option("--cost", is_flag=True, help="Show what the counted requests and bytes cost, by the store's prices.")
@click.option("--reset", is_flag=True, help="Set all counters to zero after showing them.")
@dry_run_option
def stats_command(session: Session, cost: bool, reset: bool, dry_run: bool) -> None:
    """Show usage statistics.

    Of R2 the prices are known. Those of another service, or other ones, are the setting prices of the store.
    """
    store = session.open()
    stats = store.stats()
    if cost:
        _show_cost(session, stats, store.prices)
    elif session.as_json:
        session.record({name: dict(group) for name, group in stats.items()})
    else:
        session.table([">" * (column != "operation") + column for column in COLUMNS], stats_rows(stats))
    if not any(value for group in stats.values() for value in group.values()):
        session.talk("nothing was counted: counters in memory last for a single command")
        session.talk('to keep them, set stats = { path = "stats.db" } in the store\'s table')
    if reset and dry_run:
        session.talk(f"would set the counters of {where(store)} to zero")
    elif reset:
        store.reset_stats()
        session.talk(f"set the counters of {where(store)} to zero")


def _show_cost(session: Session, stats: Mapping[str, Mapping[str, float]], prices: Mapping[str, float]) -> None:
    """Write what each operation that sent requests cost, and all together."""
    costs = {name: cost_of(name, sums, prices) for name, sums in stats.items()}
    costs = {name: cost for name, cost in costs.items() if cost.requests}
    costs["total"] = total_cost(costs)
    kinds = tuple(costs["total"].requests)
    if session.as_json:
        session.record({name: cost.as_record() for name, cost in costs.items()})
    else:
        rows = [_cost_row(name, cost, kinds) for name, cost in costs.items()]
        session.table(["operation", *(f">{kind}" for kind in kinds), ">bytes out", ">cost"], rows)
    if not kinds:
        session.talk("no requests were counted: a store on this machine costs nothing")
        return
    each = ", ".join(f"{prices[kind]:g} for a million {kind}" for kind in kinds if prices[kind])
    session.talk(f"at {each}, {prices.get('out', 0):g} for a GB out; without storage, free tiers and rounding")


def _cost_row(name: str, cost: Cost, kinds: Sequence[str]) -> list[str]:
    requests = (f"{cost.requests.get(kind, 0):,}" for kind in kinds)
    return [plain(name), *requests, readable_size(cost.out), f"{cost.cost:,.6f}"]


COLUMNS = ("operation", "count", "bytes", "errors", "seconds")


def stats_rows(stats: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Return a row for each operation that happened, or for every operation if none did."""
    happened = {name: group for name, group in stats.items() if any(group.values())} or stats
    return [
        [
            plain(name),
            f"{group.get('count', 0):,.0f}",
            readable_size(group.get("bytes", 0)),
            f"{group.get('errors', 0):,.0f}",
            f"{group.get('seconds', 0):.3f}",
        ]
        for name, group in happened.items()
    ]


@command("stores")
def stores_command(session: Session) -> None:
    """List the configured stores.

    No store is opened. A * marks the default.
    """
    config = find_config()
    if config is None:
        session.talk(f"no configuration: there is no {FILE_NAME} in this folder or above it")
        session.talk("assetstore init writes one; -s file:assets opens a store without it")
        return
    session.talk(f"from {shown(str(config.path))}")
    if not config.stores:
        session.talk("it has no stores yet; add a table, for example [stores.dev]")
    rows = []
    for name, table in config.stores.items():
        default, kind = name == config.default, _kind(table)
        if session.as_json:
            session.record({"name": name, "default": default, "url": kind, "config": str(config.path)})
        rows.append(["*" if default else "", shown(name), plain(kind)])
    if rows and not session.as_json:
        session.table(["", "store", "url"], rows)


def _kind(table: Mapping[str, Any]) -> str:
    """Return a store's URL as written, without secrets, or the name of its backend."""
    url = table.get("url")
    return without_secrets(str(url)) if url is not None else f"backend {table.get('backend', '?')}"


@command("plugins",
    examples=(
        "assetstore plugins",
        "assetstore plugins --load",
        "assetstore plugins --capabilities",
        "assetstore plugins --json | jq -r .name",
    ),
)
@click.option("--load", is_flag=True, help="Import every plugin, to show its hooks or why it cannot be loaded.")
@click.option("--capabilities", is_flag=True, help="Import every plugin, and show what each backend can do.")
def plugins_command(session: Session, load: bool, capabilities: bool) -> None:
    """List the installed plugins.

    Those that the configuration names are imported, to show their hooks or why they cannot be loaded. Others are not.
    """
    if capabilities:
        from assetstore.cli.capabilities import show_capabilities

        show_capabilities(session)
        return
    rows = []
    for info in installed_plugins(None if load else configured_plugins(session.store_name)):
        if session.as_json:
            session.record(as_record(info))
            continue
        hooks = ", ".join(info.hooks) if info.loaded else "not configured, not imported"
        if info.error:
            hooks = f"cannot be loaded: {without_secrets(info.error)}"
        rows.append([plain(info.name), plain(info.distribution), plain(info.version), plain(hooks)])
    if rows:
        session.table(["plugin", "distribution", "version", "hooks"], rows)
