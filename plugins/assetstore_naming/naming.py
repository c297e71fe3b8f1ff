"""The naming plugin: makes keys from templates, whose fields decide what happens when a key is taken."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from string import Formatter
from typing import cast

import attrs

from assetstore.plugin import (
    ConfigError,
    InvalidKeyError,
    InvalidOptionError,
    NameOptions,
    OnClash,
    ProposedKey,
    hookimpl,
    normalize_key,
)
from assetstore_naming.filenames import MAX_NAME_BYTES, clean_filename

TEMPLATES = {
    "timestamp": "{category}/{date}_{time}_{random}_{name}",
    "content-hash": "{category}/{digest}{suffix}",
    "original": "{category}/{name}",
}
SCHEMES = (*TEMPLATES, "template")
FIELDS = ("category", "date", "digest", "name", "random", "stem", "suffix", "time")


@attrs.define(eq=False, kw_only=True)
class Naming:
    """Makes keys for uploads that come without one.

    ===============  ========================================  =======================================================
    scheme           key                                       when the key is taken
    ===============  ========================================  =======================================================
    timestamp        {category}/{date}_{time}_{random}_{name}  remake: another random part
    content-hash     {category}/{digest}{suffix}               reuse: the asset has the same bytes
    original         {category}/{name}                         fail
    template         ``template``                              remake with {random}, else reuse with {digest}, else fail
    ===============  ========================================  =======================================================

    The fields: ``category``, empty for none; ``date`` and ``time``, in UTC, such as 20250618 and 143022; ``random``, 8 hex
    digits; ``digest``, the SHA-256 of the bytes as 64 hex digits; ``name``, the cleaned file name, which is ``stem`` and its
    suffix; ``suffix``, in lower case, with its dot, or empty.

    Attributes:
        scheme: ``timestamp``, ``content-hash``, ``original`` or ``template``.
        template: the key's pattern, for the scheme ``template`` only.
        on_clash: replaces the above: ``fail``, ``remake``, which needs {random}, or ``reuse``, which needs {digest}.

    Raises:
        ConfigError: a setting has another value, or the template does not make valid keys.
    """

    scheme: str = "timestamp"
    template: str | None = None
    on_clash: str | None = None
    _pattern: str = attrs.field(init=False, repr=False)
    _used: frozenset[str] = attrs.field(init=False, repr=False)
    _clash: OnClash = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._pattern = _pattern_of(self.scheme, self.template)
        self._used = _fields_of(self._pattern)
        _require_valid_keys(self._pattern)
        self._clash = _clash_of(self.on_clash, self._used)

    @hookimpl
    def assetstore_name(self, filename: str, options: NameOptions) -> ProposedKey:
        """Propose a key of this scheme.

        Raises:
            InvalidOptionError: the category does not make a valid key.
        """
        category = _checked_category(options.category)
        stem, suffix = clean_filename(filename)
        digest = options.digest() if "digest" in self._used else ""
        # Without a category its "/" goes too: a key must not begin with one.
        pattern = self._pattern if category else self._pattern.replace("{category}/", "")
        try:
            key = normalize_key(_fill(pattern, category, stem, suffix, digest))
        except InvalidKeyError as error:
            raise InvalidOptionError(f"category {category!r} does not make a valid key: {error.message}") from error
        return ProposedKey(key=key, on_clash=self._clash)


def _pattern_of(scheme: str, template: str | None) -> str:
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES[:-1])
        raise ConfigError(f"scheme must be {known} or template, got {scheme!r}", hint=_nearest(scheme, SCHEMES))
    if scheme != "template":
        if template is not None:
            hint = "set scheme to 'template', or leave template out"
            raise ConfigError(f"scheme {scheme!r} does not take a template", hint=hint)
        return TEMPLATES[scheme]
    if template is None:
        raise ConfigError("scheme 'template' needs a template", hint="for example '{category}/{date}/{random}{suffix}'")
    return template


def _fields_of(pattern: str) -> frozenset[str]:
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        raise ConfigError(f"template {pattern!r} cannot be read: {error}", hint="write a literal brace twice") from error
    fields = [(name, spec or conversion) for _, name, spec, conversion in parts if name is not None]
    for name, formatting in fields:
        if name not in FIELDS:
            known = ", ".join(FIELDS)
            raise ConfigError(f"a template field must be one of {known}, got {name!r}", hint=_nearest(name, FIELDS))
        if formatting:
            raise ConfigError(f"template field {name!r} does not take a format", hint=f"write {{{name}}}")
    return frozenset(name for name, _ in fields)


def _nearest(word: str, known: Sequence[str]) -> str | None:
    import difflib  # slow to load, and seldom needed

    near = difflib.get_close_matches(word, known, 1, cutoff=0.3)
    return f"did you mean {near[0]!r}?" if near else None


def _require_valid_keys(pattern: str) -> None:
    """Try the shortest and the longest names, so that later only a category can make a key invalid."""
    for suffix in ("", ".jpeg-and-longest"):
        for stem in ("a", "a" * (MAX_NAME_BYTES - len(suffix))):
            try:
                normalize_key(_fill(pattern, "documents", stem, suffix, "0" * 64))
            except InvalidKeyError as error:
                raise ConfigError(f"template {pattern!r} does not make valid keys: {error.message}") from error


def _clash_of(asked: str | None, used: frozenset[str]) -> OnClash:
    needs = {"remake": "random", "reuse": "digest"}
    if asked is None:
        return "remake" if "random" in used else "reuse" if "digest" in used else "fail"
    if asked not in (*needs, "fail"):
        raise ConfigError(f"on_clash must be remake, reuse or fail, got {asked!r}")
    if asked in needs and needs[asked] not in used:
        raise ConfigError(
            f"on_clash {asked!r} needs {{{needs[asked]}}} in the key",
            hint="leave on_clash out, or set scheme to 'template' with a template that has it",
        )
    return cast(OnClash, asked)


def _checked_category(category: str) -> str:
    try:
        normal = normalize_key(category) if category else ""
    except InvalidKeyError as error:
        raise InvalidOptionError(f"category {category!r} is not valid: {error.message}") from error
    if normal.endswith("/"):
        raise InvalidOptionError(f"category must not end with '/', got {category!r}", hint="leave the trailing slash out")
    return normal


def _fill(pattern: str, category: str, stem: str, suffix: str, digest: str) -> str:
    now = datetime.now(UTC)
    return pattern.format(
        category=category,
        date=f"{now:%Y%m%d}",
        time=f"{now:%H%M%S}",
        random=secrets.token_hex(4),
        digest=digest,
        name=stem + suffix,
        stem=stem,
        suffix=suffix.lower(),
    )
