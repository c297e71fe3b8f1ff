"""Keeps the generated parts of these pages current: ``python docs/generate.py``.

A page is written by hand but for what stands between ``<!-- generated: NAME … -->`` and ``<!-- end -->``. Those parts are
made from signatures, docstrings and attrs fields. Without arguments every page of this folder is rewritten in place;
``python docs/generate.py docs/api.md`` prints one page instead. A test compares each page with what this prints.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

import assetstore
from assetstore import AssetStore, errors, migrate, plugin, sync
from assetstore.cli.errors import exit_code
from assetstore.hooks import OPTIONAL, REQUIRED, Hooks
from assetstore.options import OPERATIONS, CopyOptions, Headers, ListOptions, PresignOptions, ReadOptions, UploadOptions
from assetstore.testing import MemoryBackend, SyntheticBackend
from assetstore_headers import DefaultHeaders
from assetstore_local import LocalBackend
from assetstore_naming import Naming
from assetstore_otel import OpenTelemetry
from assetstore_prometheus import Prometheus
from assetstore_r2 import R2Backend, S3Backend
from assetstore_r2.errors import BY_CODE, translated
from assetstore_r2.retry import REFUSALS, Verdict, verdict
from assetstore_r2.wire.errors import S3Error
from assetstore_stats import Stats
from assetstore_wrappers import trash
from assetstore_wrappers.cache import Cache
from assetstore_wrappers.encryption import Encryption
from assetstore_wrappers.mirror import Mirror
from assetstore_wrappers.read_through import ReadThrough

HERE = Path(__file__).parent
WIDTH = 118
PART = re.compile(r"(<!-- generated: ([^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
SECTIONS = ("Args:", "Attributes:", "Raises:", "Example::")

FACTORIES: Mapping[str, type] = {
    cls.__name__: cls
    for cls in (
        *(R2Backend, S3Backend, LocalBackend, MemoryBackend, SyntheticBackend),
        *(Naming, Stats, DefaultHeaders, Prometheus, OpenTelemetry),
        *(ReadThrough, Mirror, Cache, Encryption),
    )
}
EXPLAINED_BY: Mapping[str, tuple[type, ...]] = {
    "read": (ReadOptions,),
    "open": (ReadOptions,),
    "list_page": (ListOptions,),
    "copy": (CopyOptions,),
    "move": (CopyOptions,),
    "copy_many": (CopyOptions,),
    "move_many": (CopyOptions,),
    "update": (Headers, ReadOptions),  # its if_match is about the asset itself, as that of a read is
    "presign_many": (PresignOptions,),
    "presign_parts": (PresignOptions,),
    "sync.sync": (sync.SyncOptions,),
}
"""Methods whose keywords are explained where their options are defined."""
LIKE_UPLOAD = ("writer", "generate_key", "upload_many")
"""Methods whose keywords mean what those of ``upload`` mean."""
LIKE_UPLOAD_MANY = ("read_many", "stat_many", "copy_many", "move_many")
"""Methods of which ``upload_many`` explains what all calls about many assets have in common."""
LIKE = {
    "sync.move_between": "sync.copy_between",
    "sync.verify_cost": "sync.verify",
    "migrate.status": "migrate.links",
    "migrate.failed_assets": "migrate.links",
}
"""Functions between stores whose keywords mean what those of another one mean."""
SAID_BY_THE_SUMMARY = frozenset(
    {"source", "destination", "key", "keys", "pairs", "prefix", "token", "numbers", "older_than"}
)
"""Arguments whose names, with the summary of their method, say what they are."""
STREAMS = ("AssetReader", "AssetWriter", "BulkResults")
"""Classes whose objects do something, and have few facts to tell."""
INTERNAL = frozenset({"readable", "writable", "written", "discard", "readinto"})
"""Methods of the streams that Python or the store calls."""
BETWEEN: Mapping[str, Any] = {
    f"{module.__name__.rpartition('.')[2]}.{name}": getattr(module, name)
    for module in (sync, migrate, trash)
    for name in module.__all__
}
"""What ``assetstore.sync``, ``assetstore.migrate`` and the trash offer, by ``sync.check`` for example."""
WORDS = {
    "OtherStore": "the name or URL of a store",
    "str": "text", "bool": "true or false", "int": "whole number", "float": "number", "Path": "path",
    "tuple": "list of texts", "Mapping": "table of texts",
    "CollectorRegistry": "object of prometheus-client", "TracerProvider": "object of OpenTelemetry",
}
IMPLEMENTED_BY = {
    **dict.fromkeys(REQUIRED, "backend"),
    **dict.fromkeys(OPTIONAL, "backend, optional"),
    "name": "naming plugin",
    "signing_keys": "any, optional",
    "event": "observer",
    "stats": "stats plugin",
    "reset_stats": "stats plugin",
    "commands": "any, optional",
    "close": "any, optional",
}


def markdown(text: str) -> str:
    """Return a paragraph of a docstring as Markdown on one line."""
    text = re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split()))
    return re.sub(r"(?<![`\w.])([A-Z]\w+Error)\b(?!`)", r"`\1`", text)


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """Return text in lines that fit the page."""
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def documentation(thing: object) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Return the paragraphs of a docstring, and for each of its sections the text of each name."""
    paragraphs: list[str] = []
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    name = ""
    for block in (inspect.getdoc(thing) or "").split("\n\n"):
        if block.split("\n")[0] in SECTIONS:
            head, *lines = block.split("\n")
            section = sections.setdefault(head.rstrip(":"), {})
            for line in lines:
                found = re.match(r" {4}(\*{0,2}\w+(?:, \w+)*): (.*)", line)
                if found:
                    name = found[1]
                section[name] = found[2] if found else f"{section[name]} {line.strip()}"
        elif section is None:
            paragraphs.append(block)
    return paragraphs, sections


def fields_of(cls: type) -> dict[str, str]:
    """Return what is written of each attribute of a class, by itself or by the classes that it inherits from."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__doc__ and base is not object:
            texts |= documentation(base)[1].get("Attributes", {})
    return texts


def described(items: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and what each is."""
    return "\n".join(wrapped(f"{name}: {markdown(text)}", "* ", "  ") for name, text in items)


def prose(paragraphs: Iterable[str]) -> str:
    """Return paragraphs of a docstring, without its tables."""
    return "\n\n".join(wrapped(markdown(text)) for text in paragraphs if not text.startswith("==="))


# --- what users call -------------------------------------------------------------------------------------------------


def functions() -> dict[str, Callable[..., Any]]:
    """Return ``open_store``, every public method of ``AssetStore``, and what works between stores, by name."""
    methods = {name: method for name, method in vars(AssetStore).items() if inspect.isfunction(method) and name[0] != "_"}
    between = {name: found for name, found in BETWEEN.items() if inspect.isfunction(found)}
    return {"open_store": assetstore.open_store, "AssetStore": AssetStore.__init__, **methods, **between}


def default_of(value: object) -> str:
    """Return a default as Python spells it."""
    value = value.factory() if isinstance(value, attrs.Factory) else value  # type: ignore[arg-type]  # a class at runtime
    return f'"{value}"' if isinstance(value, str) else repr(value).removeprefix("datetime.")


def parameters(name: str) -> list[tuple[str, str, str | None]]:
    """Return name, type and default of each parameter, with a star where keywords begin."""
    found: list[tuple[str, str, str | None]] = []
    for parameter in inspect.signature(functions()[name]).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            if not any(given == "*" for given, _, _ in found):
                found.append(("*", "", None))
            options = EXPLAINED_BY[name][0] if name in BETWEEN else UploadOptions
            found += [(field.name, str(field.type), default_of(field.default)) for field in attrs.fields(options)]
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not any(given == "*" for given, _, _ in found):
            found.append(("*", "", None))
        default = None if parameter.default is parameter.empty else default_of(parameter.default)
        found.append((parameter.name, str(parameter.annotation), default))
    return found


def signature(name: str) -> str:
    """Return a function's signature as a stub: on one line if it fits, otherwise with a line for each parameter."""
    texts = []
    for given, kind, default in parameters(name):
        texts.append(given if not kind else f"{given}: {kind}" + (f" = {default}" if default is not None else ""))
    returned = inspect.signature(functions()[name]).return_annotation
    returned = {"AssetStore": "AssetStore", "writer": "ContextManager[AssetWriter]"}.get(name, returned)
    head, tail = f"def {name.rpartition('.')[2]}", f" -> {returned}: ..."
    line = f"{head}({', '.join(texts)}){tail}"
    if len(line) > 100:
        line = "\n".join([f"{head}(", *(f"    {text}," for text in texts), f"){tail}"])
    return f"```python\n{line}\n```"


def keywords(name: str) -> list[tuple[str, str]]:
    """Return what is written of each parameter of a function."""
    texts: dict[str, str] = {}
    for options in EXPLAINED_BY.get(name, ()):
        texts |= fields_of(options)
    if name in LIKE_UPLOAD:
        texts = {given: text for given, text in documentation(AssetStore.upload)[1]["Args"].items() if given != "filename"}
    if name in LIKE_UPLOAD_MANY:
        common = documentation(AssetStore.upload_many)[1]["Args"]
        texts |= {given: common[given] for given in ("ordered", "max_concurrency")}
    for one in (LIKE.get(name, name), name):
        texts |= documentation(functions()[one])[1].get("Args", {})
    return [(f"`{given}`", texts[given]) for given, _, _ in parameters(name) if given in texts]


def undocumented() -> list[str]:
    """Return the parameters of public methods of which nothing is written."""
    return [
        f"{name}({given})"
        for name in functions()
        for given, kind, _ in parameters(name)
        if kind and f"`{given}`" not in dict(keywords(name)) and not is_plain(name, given)
    ]


def is_plain(name: str, given: str) -> bool:
    """Return whether the summary of a method names a parameter, or the parameter's name says all."""
    text = (inspect.getdoc(functions()[name]) or "").split("\n\n")[0]
    return given in SAID_BY_THE_SUMMARY or f"``{given}``" in text or name == "can"


def function(name: str) -> Iterator[str]:
    """Yield the section about a function."""
    paragraphs, sections = documentation(functions()[name])
    yield f"### {name}"
    yield signature(name)
    yield prose(paragraphs)
    if listed := keywords(name):
        yield described(listed)
    if raises := sections.get("Raises"):
        yield "Raises:"
        yield described((f"`{kind}`", text) for kind, text in raises.items())


def index() -> str:
    """Return a table of all functions with the first sentence of each."""
    rows = ["| call | what it does |", "|---|---|"]
    for name, found in functions().items():
        summary = markdown(documentation(found)[0][0])
        first = re.split(r"(?<=[.;]) ", summary)[0].rstrip(".;")
        rows.append(f"| [`{name}`](#{name.lower().replace('.', '')}) | {first} |")
    return "\n".join(rows)


# --- results ---------------------------------------------------------------------------------------------------------


def record(name: str) -> Iterator[str]:
    """Yield the section about a class whose objects carry facts: a result, a policy, an event."""
    cls = BETWEEN.get(name) or getattr(plugin, name, None) or getattr(assetstore, name)
    yield f"### {name}"
    yield prose(documentation(cls)[0])
    texts = fields_of(cls)
    listed = [(f"`{field.name}` (`{field.type}`)", texts[field.name]) for field in attrs.fields(cls)]
    yield described([*listed, *methods_of(cls)])


def stream(name: str) -> Iterator[str]:
    """Yield the section about a binary file object."""
    cls = getattr(assetstore, name)
    paragraphs, sections = documentation(cls)
    yield f"### {name}"
    yield prose(paragraphs)
    listed = [(f"`{field}`", text) for field, text in sections.get("Attributes", {}).items()]
    yield described([*listed, *methods_of(cls)])


def methods_of(cls: type) -> list[tuple[str, str]]:
    """Return what is written of the methods that a class defines itself and that its users call."""
    listed = []
    for name, found in vars(cls).items():
        if inspect.isfunction(found) and name[0] != "_" and name not in INTERNAL:
            given = [
                parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}"
                for parameter in list(inspect.signature(found).parameters.values())[1:]
            ]
            listed.append((f"`{name}({', '.join(given)})`", documentation(found)[0][0]))
    return listed


# --- errors ----------------------------------------------------------------------------------------------------------


def error_classes() -> list[type[errors.AssetStoreError]]:
    """Return the classes of ``assetstore.errors`` in the order in which they are defined."""
    return [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, errors.AssetStoreError)]


def error_tree() -> str:
    """Return the tree of errors, drawn from the classes."""
    lines = ["AssetStoreError", *branches(errors.AssetStoreError, "")]
    return "\n".join(["```", *lines, "```"])


def branches(parent: type, indent: str) -> Iterator[str]:
    """Yield the lines of a class's children."""
    children = [cls for cls in error_classes() if cls.__bases__[0] is parent]
    for child in children:
        last = child is children[-1]
        python = f" ({child.__bases__[1].__name__})" if len(child.__bases__) > 1 else ""
        yield f"{indent}{'└─' if last else '├─'} {child.__name__}{python}"
        yield from branches(child, indent + ("   " if last else "│  "))


def error_table() -> str:
    """Return for each class which of Python's own it also is, whether to retry, and how the command line exits."""
    rows = ["| class | is also a | retryable | exit code |", "|---|---|---|---|"]
    for cls in error_classes()[1:]:
        python = next(base.__name__ for base in cls.__mro__ if base.__module__ == "builtins")
        also = "" if python == "Exception" else f"`{python}`"
        retryable = "**yes**" if cls.retryable else "no"
        rows.append(f"| [`{cls.__name__}`](#{cls.__name__.lower()}) | {also} | {retryable} | {exit_code(cls(''))} |")
    return "\n".join(rows)


# --- settings --------------------------------------------------------------------------------------------------------


def settings(name: str) -> str:
    """Return the settings of a plugin: each key with its type, its default and its meaning."""
    cls = FACTORIES[name]
    texts = fields_of(cls)
    hints = typing.get_type_hints(cls)
    fields = [field for field in attrs.fields(cls) if field.init and field.name != "inner"]
    if not fields:
        return "It has no settings."
    return described((f"`{field.name}` ({kind(field, hints[field.name])})", texts[field.name]) for field in fields)


def kind(field: attrs.Attribute[Any], hint: Any) -> str:
    """Return the type and the default of a setting, for people."""
    hints = [each for each in typing.get_args(hint) if each is not type(None)]
    first = hint if not hints or typing.get_origin(hint) in (tuple, Mapping) else hints[0]
    text = WORDS[getattr(typing.get_origin(first) or first, "__name__", "")]
    if float in typing.get_args(first):
        text = text.replace("texts", "numbers")
    if field.metadata.get("assetstore.secret"):
        text = f"secret {text}"
    if field.default is attrs.NOTHING:
        return f"{text}, required"
    return f"{text}, default {toml(field.default)}" if field.default not in (None, (), attrs.Factory(dict)) else text


def toml(value: object) -> str:
    """Return a default as TOML spells it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:_}`" if isinstance(value, int) else f"`{value}`"


# --- plugins ---------------------------------------------------------------------------------------------------------


def hooks() -> str:
    """Return a table of all hooks."""
    rows = ["| hook `assetstore_…` | implemented by | returns | what it does |", "|---|---|---|---|"]
    for name, hook in vars(Hooks).items():
        if name.startswith("assetstore_"):
            short = name.removeprefix("assetstore_")
            returned = str(inspect.signature(hook).return_annotation).removesuffix(" | None")
            summary = markdown(documentation(hook)[0][0]).rstrip(".")
            rows.append(f"| `{short}` | {IMPLEMENTED_BY[short]} | `{returned}` | {summary} |")
    return "\n".join(rows)


def options() -> str:
    """Return the fields of the options of each operation."""
    listed = []
    for op, cls in OPERATIONS.items():
        names = ", ".join(f"`{field.name}`" for field in attrs.fields(cls)) or "none yet"
        listed.append((f"`{op}` (`{cls.__name__}`)", names))
    return described(listed)


def helpers() -> str:
    """Return the functions and the objects that help to write a plugin."""
    found = [(name, getattr(plugin, name)) for name in sorted(plugin.__all__, key=str.lower)]
    listed = [(name, thing) for name, thing in found if inspect.isfunction(thing)]
    listed += [(name, thing) for name, thing in found if name in ("PerProcess", "SigningKeys", "Source", "Wrapper")]
    return described((f"`{name}`", documentation(thing)[0][0]) for name, thing in listed)


# --- the tree --------------------------------------------------------------------------------------------------------

ROOT = HERE.parent
LAYERS = (
    *("errors", "limits", "per_process", "plugin_faults", "signed_headers", "options", "results", "keys", "settings"),
    *("content", "hooks", "wrapper", "entry_points", "operation", "stack", "side_plugins", "fallbacks", "named_upload"),
    *("bulk", "direct", "store", "config", "plugin", "sync", "migrate", "__init__", "__main__", "cli", "testing"),
)
"""The modules of the core, each after those that it imports."""


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring."""
    return markdown((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0])


def tree() -> str:
    """Return a table of the core's modules."""
    rows = ["| file | what it does |", "|---|---|"]
    for name in LAYERS:
        folder = ROOT / "assetstore" / name
        path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        rows.append(f"| `{name}{'/' if folder.is_dir() else '.py'}` | {first_line(path)} |")
    return "\n".join(rows)


def folders() -> str:
    """Return a table of the plugins' packages."""
    rows = ["| folder | what it holds |", "|---|---|"]
    packages = sorted((ROOT / "plugins").rglob("__init__.py"))
    rows += [f"| `{path.parent.relative_to(ROOT)}/` | {first_line(path)} |" for path in packages]
    return "\n".join(rows)


FOLLOWS = {
    Verdict.FINAL: "refused for good",
    Verdict.REFUSED: "refused for now, sent again",
    Verdict.DOUBT: "in doubt",
}


def answered(status: int, code: str) -> tuple[str, str]:
    """Return what follows the answer to a write, and the class of the error."""
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}}}
    try:
        with translated():
            raise S3Error(response, "PutObject")
    except errors.AssetStoreError as error:
        return FOLLOWS[verdict(error)], type(error).__name__


def statuses() -> str:
    """Return a table of the statuses, neighbours with the same consequence together."""
    rows: list[list[Any]] = [[200, 299, FOLLOWS[Verdict.DOUBT], "UnavailableError"]]
    for status in range(300, 600):
        found = answered(status, "")
        if rows[-1][2:] == [*found] and status != 300:
            rows[-1][1] = status
        else:
            rows.append([status, status, *found])
    lines = ["| status | verdict | error |", "|---|---|---|"]
    for first, last, follows, error in rows:
        name = "2xx that is not the store's" if first == 200 else f"{first}" if first == last else f"{first}–{last}"
        lines.append(f"| {name} | {follows} | [`{error}`](errors.md#{error.lower()}) |")
    return "\n".join(lines)


def codes() -> str:
    """Return a table of the error codes, those with the same consequence together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for code in [*BY_CODE, *sorted(REFUSALS - BY_CODE.keys())]:
        groups.setdefault(answered(400, code), []).append(f"`{code}`")
    order = list(FOLLOWS.values())
    lines = ["| verdict | error | codes |", "|---|---|---|"]
    for (follows, error), names in sorted(groups.items(), key=lambda group: (order.index(group[0][0]), group[0][1])):
        lines.append(f"| {follows} | [`{error}`](errors.md#{error.lower()}) | {', '.join(sorted(names))} |")
    return "\n".join(lines)


PARTS: Mapping[str, Callable[[], str]] = {
    "index": index,
    "error-tree": error_tree,
    "error-table": error_table,
    "hooks": hooks,
    "options": options,
    "helpers": helpers,
    "tree": tree,
    "folders": folders,
    "statuses": statuses,
    "codes": codes,
}


def part(name: str) -> str:
    """Return one generated part."""
    if name in PARTS:
        return PARTS[name]()
    if name in functions():
        return "\n\n".join(function(name))
    if name in FACTORIES:
        return settings(name)
    return "\n\n".join(stream(name) if name in STREAMS else record(name))


def names_in(text: str) -> list[str]:
    """Return the names of the generated parts of a page."""
    return [name for _, names, _ in PART.findall(text) for name in names.split()]


def current(text: str) -> str:
    """Return a page with its generated parts made anew."""

    def made(found: re.Match[str]) -> str:
        return "\n".join([found[1], "\n\n".join(part(name) for name in found[2].split()), "", found[3]])

    return PART.sub(made, text)


def main(arguments: list[str]) -> None:
    """Print the pages that are named, or rewrite all of them."""
    for name in arguments:
        sys.stdout.write(current(Path(name).read_text(encoding="utf-8")))
    for path in [] if arguments else sorted(HERE.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if names_in(text):
            path.write_text(current(text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
