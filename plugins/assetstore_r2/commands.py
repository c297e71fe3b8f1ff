"""The commands ``cors`` and ``lifecycle``: show, set and print the rules of a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from assetstore.plugin import AssetStoreError
from assetstore_r2 import bucket_rules
from assetstore_r2.bucket import Bucket
from assetstore_r2.bucket_rules import Rule

Opened = Callable[[], Bucket]

_json = click.option("--json", "as_json", is_flag=True, help="Write data as JSON, one object a line.")
_origins = click.option(
    "--origin",
    "origins",
    multiple=True,
    required=True,
    metavar="ORIGIN",
    help="A site, for example https://app.example. Repeatable.",
)
_delete = click.option("--delete", is_flag=True, help="Allow signed DELETE too.")
_prefix = click.option("--prefix", default=bucket_rules.PENDING, show_default=True, help="The prefix of unfinished uploads.")
_days = click.option(
    "--days", type=int, default=bucket_rules.PENDING_DAYS, show_default=True, help="Days that an upload may stay unfinished."
)


def commands(opened: Opened) -> Sequence[click.Command]:
    """Return both commands; the bucket is opened when one needs it."""
    return (_cors(opened), _lifecycle(opened))


def _cors(opened: Opened) -> click.Group:
    group = _group("cors", "Show or set which sites may use signed requests to the bucket from a browser.")

    @group.command("show", help="Show the bucket's CORS rules.")
    @_json
    @click.pass_context
    def show(context: click.Context, as_json: bool) -> None:
        _show(context, as_json, "CORS", lambda: bucket_rules.read_cors(opened()))

    @group.command("set", help="Let pages of these sites use signed requests. Replaces the sites that were set before.")
    @_origins
    @_delete
    @_json
    @click.pass_context
    def set_(context: click.Context, origins: Sequence[str], delete: bool, as_json: bool) -> None:
        def change() -> list[Rule]:
            return bucket_rules.set_cors(opened(), bucket_rules.cors_rule(origins, delete=delete))

        _set(context, as_json, "CORS", change, "browsers see the change within a minute")

    @group.command("print", help="Print the rule as JSON for the dashboard, without setting it.")
    @_origins
    @_delete
    @click.pass_context
    def print_(context: click.Context, origins: Sequence[str], delete: bool) -> None:
        rules = _done(context, "make the CORS rules", lambda: [bucket_rules.cors_rule(origins, delete=delete)])
        click.echo(json.dumps(rules, indent=2))

    return group


def _lifecycle(opened: Opened) -> click.Group:
    group = _group("lifecycle", "Show or set when the bucket removes unfinished direct uploads.")

    @group.command("show", help="Show the bucket's lifecycle rules.")
    @_json
    @click.pass_context
    def show(context: click.Context, as_json: bool) -> None:
        _show(context, as_json, "lifecycle", lambda: bucket_rules.read_lifecycle(opened()))

    @group.command("set", help="Let the bucket remove unfinished uploads.")
    @_prefix
    @_days
    @_json
    @click.pass_context
    def set_(context: click.Context, prefix: str, days: int, as_json: bool) -> None:
        def change() -> list[Rule]:
            return bucket_rules.set_lifecycle(opened(), bucket_rules.lifecycle_rule(prefix, days))

        _set(context, as_json, "lifecycle", change, "the service applies them about once a day")

    @group.command("print", help="Print the rule as JSON in S3's form, without setting it.")
    @_prefix
    @_days
    @click.pass_context
    def print_(context: click.Context, prefix: str, days: int) -> None:
        rules = _done(context, "make the lifecycle rules", lambda: [bucket_rules.lifecycle_rule(prefix, days)])
        click.echo(json.dumps({"Rules": rules}, indent=2))

    return group


def _group(name: str, text: str) -> click.Group:
    def show_help() -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            click.echo(context.get_help())

    return click.Group(name, help=text, callback=show_help, invoke_without_command=True)


def _show(context: click.Context, as_json: bool, kind: str, read: Callable[[], list[Rule]]) -> None:
    rules = _done(context, f"show the {kind} rules", read)
    _write(context, as_json, rules)
    if not rules:
        click.echo(f"{context.obj.location} has no {kind} rules", err=True)


def _set(context: click.Context, as_json: bool, kind: str, change: Callable[[], list[Rule]], when: str) -> None:
    rules = _done(context, f"set the {kind} rules", change)
    _write(context, as_json, rules)
    click.echo(f"set the {kind} rules -> {context.obj.name} ({context.obj.location}); {when}", err=True)


def _done(context: click.Context, op: str, work: Callable[[], list[Rule]]) -> list[Rule]:
    try:
        return work()
    except AssetStoreError as error:
        error.op, error.store = op, context.obj.name
        raise


def _write(context: click.Context, as_json: bool, rules: Sequence[Rule]) -> None:
    """Write each rule as one line of JSON, or one line for each field; both escape control characters."""
    one_line = as_json or getattr(context.find_root().obj, "as_json", False)
    for number, rule in enumerate(rules):
        if one_line:
            click.echo(json.dumps(rule, default=str))
            continue
        if number:
            click.echo()
        for name, value in rule.items():
            click.echo(f"{name}: {_readable(value)}")


def _readable(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_readable, value))
    return json.dumps(value)[1:-1] if isinstance(value, str) else json.dumps(value, default=str)
