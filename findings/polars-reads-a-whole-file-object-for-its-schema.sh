#!/usr/bin/env bash
# Guess: given an open file that seeks, Polars reads of Parquet what it needs, as it does given a path or a URL: the footer for the
#   schema, and one column's pages for that column.
# Instead: it reads the whole file into memory first, for the schema, for scan_parquet(...).select(one).head(1) and for
#   read_parquet(columns=[one]) alike. Through pyarrow (use_pyarrow=True) the same file object is read where it is needed.
# Versions: polars 2.1.0, pyarrow 26.0.1.
# Output seen, 2026-11-28: of 8 MB, schema: 100 %; scan one column: 100 %; read one column: 100 %; by pyarrow: 13 %
# Who meets it: whoever opens remote Parquet files by fsspec or a client of their own and hands the file object to Polars.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q polars==2.1.0 pyarrow==26.0.1 numpy==2.3.5 >/dev/null 2>&1 || exit 77
cat >finding.py <<'PY'
import io

import numpy
import polars

columns = {name: numpy.random.default_rng(number).random(125_000) for number, name in enumerate("abcdefgh")}
polars.DataFrame(columns).write_parquet("table.parquet", compression="uncompressed")


class Counting(io.RawIOBase):
    """A file that seeks, as a remote one does, and counts what is read of it."""

    def __init__(self):
        self.file, self.count = open("table.parquet", "rb", buffering=0), 0

    def readable(self):
        return True

    seekable = readable

    def seek(self, *where):
        return self.file.seek(*where)

    def tell(self):
        return self.file.tell()

    def readinto(self, buffer):
        count = self.file.readinto(buffer)
        self.count += count
        return count


def share(use):
    """Return how much of the file a use of it reads, in per cent."""
    file = Counting()
    size = file.seek(0, 2)
    file.seek(0)
    use(file)
    return f"{100 * file.count / size:.0f} %"


print(
    f"of 8 MB, schema: {share(polars.read_parquet_schema)};"
    f" scan one column: {share(lambda file: polars.scan_parquet(file).select('c').head(1).collect())};"
    f" read one column: {share(lambda file: polars.read_parquet(file, columns=['c']))};"
    f" by pyarrow: {share(lambda file: polars.read_parquet(file, columns=['c'], use_pyarrow=True))}"
)
PY
seen=$(venv/bin/python finding.py)
echo "$seen"
test "$seen" = "of 8 MB, schema: 100 %; scan one column: 100 %; read one column: 100 %; by pyarrow: 13 %"
