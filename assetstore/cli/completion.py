"""The command ``completion``, and what a shell completes. Whatever goes wrong there, nothing is completed or printed."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import threading
from collections.abc import Iterator
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from assetstore.cli.session import COMPLETE_VARIABLE, Session, command, open_uncounted
from assetstore.cli.streams import data_apart

SHELLS = ("bash", "zsh", "fish")
# Keys and folders that one press of the key shows at most.
SHOWN = 200
# Seconds after which a store that does not answer completes nothing.
PATIENCE = 3.0

_SPECIAL = re.compile(r"([^\w@%+=:,./-])")
_OPEN_QUOTE = re.compile(r"""(?:^|\s)(["'])[^"']*$""")


@command("completion",
    examples=(
        "assetstore completion bash > ~/.local/share/bash-completion/completions/assetstore",
        'echo \'source <(assetstore completion zsh)\' >> ~/.zshrc',
        "assetstore completion fish > ~/.config/fish/completions/assetstore.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(session: Session, shell: str) -> None:
    """Print a script for completion by the tab key.

    It completes commands, options, the names of configured stores, and keys of the store that is named or the default.
    """
    found = get_completion_class(shell)
    assert found is not None
    root = click.get_current_context().find_root()
    session.line(found(root.command, {}, "assetstore", COMPLETE_VARIABLE).source().rstrip())


@add_completion_class
class Bash(BashComplete):
    """Completion for bash that can complete words with ``:``, at which bash divides them, and keys with blanks."""

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local IFS=$'\\n' type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value"); [[ $value == */ ]] && compopt -o nospace ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one that is to be completed."""
        # With one more letter the line ends in a word, even behind a blank.
        *words, last = split_arg_string(os.environ["COMP_LINE"] + "x")
        return words[1:], last[:-1]

    def complete(self) -> str:
        """Return a line for each completion: its kind, and the text that bash puts behind the last ``:`` or ``=``."""
        line = os.environ["COMP_LINE"]
        divided = len(re.split(r"[:=]", self.get_completion_args()[1])) - 1
        lines = []
        for item in self.get_completions(*self.get_completion_args()):
            value = re.split(r"[:=]", str(item.value), maxsplit=divided)[-1] if divided else str(item.value)
            lines.append(f"{item.type},{_escaped(value, _OPEN_QUOTE.search(line))}")
        return "\n".join(lines)


def _escaped(value: str, quoted: re.Match[str] | None) -> str:
    """Return a text as bash has to read it where it is put in: outside of quotes, or in those that are open."""
    if quoted is None:
        return _SPECIAL.sub(r"\\\1", value)
    if quoted[1] == "'":
        return value.replace("'", "'\\''")
    return re.sub(r'(["$`\\])', r"\\\1", value)


@add_completion_class
class Zsh(ZshComplete):
    """Completion for zsh that puts no blank behind a folder."""

    source_template: ClassVar[str] = ZshComplete.source_template.replace(
        "compadd -U -V unsorted -a completions",
        "compadd -U -V unsorted -S '' -- ${(M)completions:#*/}; compadd -U -V unsorted -- ${completions:#*/}; return 0",
    )


def complete_stores(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of the configured stores, or folders for what begins like a path."""
    if incomplete.startswith((".", "/", "~")):
        return [CompletionItem(incomplete, type="dir")]
    names: list[str] = []
    with _silently():
        from assetstore.config import find_config

        found = find_config()
        names = [] if found is None else [name for name in found.stores if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names]


def complete_keys(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the keys and folders of the store that begin so, from one page of its listing."""
    found: list[str] = []
    with _silently(), open_uncounted(context.ensure_object(Session).store_name) as store:
        page = store.list_page(incomplete, limit=SHOWN, recursive=False)
        found = sorted([info.key for info in page.items if info.valid] + [prefix.key for prefix in page.prefixes])
    return [CompletionItem(key) for key in found if key.isprintable()]


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the names of files."""
    return [CompletionItem(incomplete, type="file")]


def plugin_command(store_name: str | None, name: str) -> click.Command:
    """Return the command that a plugin of the store has under this name, or an empty one."""
    commands: list[click.Command] = []
    with _silently(), open_uncounted(store_name) as store:
        commands = [command for command in store.commands() if command.name == name]
    return commands[0] if commands else click.Command(name, add_help_option=False)


@contextlib.contextmanager
def _silently() -> Iterator[None]:
    """Print nothing and raise nothing, and end the program when it takes too long: a person waits at the prompt."""
    ending = threading.Timer(PATIENCE, os._exit, [0])
    ending.daemon = True
    ending.start()
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()), data_apart(), contextlib.suppress(Exception):
            yield
    finally:
        logging.disable(logging.NOTSET)
        ending.cancel()
