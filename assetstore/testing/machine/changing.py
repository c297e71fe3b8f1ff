"""The rules of the state machine that delete, copy, move and update."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from assetstore.errors import AlreadyExistsError, NotFoundError
from assetstore.keys import normalize_key
from assetstore.testing.machine.keys import KEY, THERE, WHO
from assetstore.testing.machine.model import Asset, Outcome, Step, World, put, refusals, without
from assetstore.testing.machine.script import Code, call
from assetstore.testing.machine.walker import Walker, walks
from assetstore.testing.machine.writing import METADATA
from assetstore.testing.samples import OTHER_SAMPLES, PLAIN

VERSION = st.none() | st.none() | THERE
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from([OTHER_SAMPLES[name], ""]) for name in PLAIN},
        "content_type": st.sampled_from(["image/png", "application/json"]),
        "metadata": METADATA,
    },
)


class ChangingRules(Walker):
    """Changes existing assets."""

    @precondition(Walker.has_some)
    @walks(who=WHO, key=THERE)
    def delete(self, who: str, key: str) -> None:
        """Delete an asset, which need not exist."""
        client, full = self.client(who, key), normalize_key(key)
        code = call(f"{client.name}.delete", client.inner(key))

        def outcomes(world: World) -> list[Outcome]:
            return [(None, without(world, full))]

        self.take(Step(code=code, outcomes=outcomes, client=who, ops=("delete",), changes=(full,)))

    @precondition(Walker.has_many)
    @walks(who=WHO, keys=st.lists(THERE, max_size=3))
    def delete_many(self, who: str, keys: list[str]) -> None:
        """Delete several assets, some of them twice."""
        client = self.client(who, *keys or [""])
        # A report spells a key as in its first request.
        deleted = sorted({normalize_key(key): client.inner(key) for key in reversed(keys)}.values())

        def outcomes(world: World) -> list[Outcome]:
            return [((deleted, []), without(world, *map(normalize_key, keys)))]

        step = Step(
            code=call(f"{client.name}.delete_many", [client.inner(key) for key in keys]),
            view="(sorted(it.deleted), sorted(failure.key for failure in it.failed))",
            outcomes=outcomes,
            client=who,
            ops=("delete",) if keys else (),
            changes=tuple(map(normalize_key, keys)),
            blame=([], deleted),
        )
        self.take(step)

    @precondition(Walker.stocked)
    @walks(who=WHO, source=THERE, destination=KEY, overwrite=st.booleans(), version=VERSION, move=st.booleans())
    def copy(
        self, who: str, source: str, destination: str, overwrite: bool, version: str | None, move: bool
    ) -> None:
        """Copy or move an asset, possibly onto itself."""
        onto_itself = normalize_key(source) == normalize_key(destination)
        version = version if self.can("update.if_match" if onto_itself else "copy.if_match") else None
        overwrite = overwrite or not self.can("copy.overwrite")
        client = self.client(who, source, destination, version or source)
        options: dict[str, object] = {} if overwrite else {"overwrite": False}
        if version is not None:
            options["if_match"] = Code(call(f"{client.name}.stat", client.inner(version)) + ".etag")
        start, end = normalize_key(source), normalize_key(destination)
        stays = move and start == end

        def outcomes(world: World) -> list[Outcome]:
            refused = refusals(world, start, version and normalize_key(version), NotFoundError)
            refused = refused if start in world else [NotFoundError]
            if not overwrite and end in world and not stays:
                refused = [AlreadyExistsError, *(error for error in refused if error is not None)]
            return [outcome for error in refused for outcome in come_of(world, error)]

        def come_of(world: World, error: type[Exception] | None) -> list[Outcome]:
            if error is not None:
                return [(error, world)]
            copied = put(world, end, world[start])
            answer = (client.seen(destination), len(world[start].data))
            return [(answer, without(copied, start) if move and not stays else copied)]

        step = Step(
            code=call(
                f"{client.name}.{'move' if move else 'copy'}", client.inner(source), client.inner(destination), **options
            ),
            view="(it.key, it.size)",
            outcomes=outcomes,
            client=who,
            ops=("stat",) if stays else self._copying() + (("delete",) if move else ()),
            changes=(start, end),
            halves=lambda world: [put(world, end, world[start])] if move and start in world else [],
        )
        self.take(step)

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, changes=CHANGES, version=VERSION)
    def update(self, who: str, key: str, changes: dict[str, Any], version: str | None) -> None:
        """Change headers or metadata."""
        version = version if self.can("update.if_match") else None
        client, full = self.client(who, key, version or key), normalize_key(key)
        changes = self.able("update", changes)
        options = dict(changes)
        if version is not None:
            options["if_match"] = Code(call(f"{client.name}.stat", client.inner(version)) + ".etag")

        def outcomes(world: World) -> list[Outcome]:
            refused = refusals(world, full, version and normalize_key(version), NotFoundError)
            refused = refused if full in world else [NotFoundError]
            return [(error or (client.seen(key), len(world[full].data)), changed(world, error)) for error in refused]

        def changed(world: World, error: type[Exception] | None) -> World:
            if error is not None:
                return world
            headers = {name: value for name, value in {**world[full].headers, **changes}.items() if value}
            return put(world, full, Asset(world[full].data, headers))

        code = call(f"{client.name}.update", client.inner(key), **options)
        step = Step(
            code=code, view="(it.key, it.size)", outcomes=outcomes, client=who, ops=self._copying(), changes=(full,)
        )
        self.take(step)

    def _copying(self) -> tuple[str, ...]:
        return ("copy",) if self.has("copy") else ("read", "upload")
