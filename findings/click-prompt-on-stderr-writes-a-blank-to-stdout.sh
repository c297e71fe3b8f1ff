#!/usr/bin/env bash
# Guess: click.prompt(..., err=True) and click.confirm(..., err=True) write to stderr alone, so a command may ask on stderr and
#   write data to stdout.
# Instead: each question also writes one blank to stdout, because the last blank of the prompt goes to the function that reads.
# Versions: click 8.3.0 (8.1.3 and 8.1.8 do the same), stdin and stdout piped.
# Output seen, 2026-11-28: stdout holds two blanks after two questions
# Who meets it: whoever asks before writing JSON or a file to a pipe, and compares or parses the first line of it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q click==8.3.0 >/dev/null 2>&1 || exit 77
cat >ask.py <<'PY'
import click

click.prompt("name", err=True)
click.confirm("sure?", err=True)
PY
printf 'keep\ny\n' | venv/bin/python ask.py >stdout 2>stderr
echo "stdout holds $(wc -c <stdout) bytes after two questions that were to go to stderr: '$(cat stdout)'"
test "$(cat stdout; echo .)" = "  ."
