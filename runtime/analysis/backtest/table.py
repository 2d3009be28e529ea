"""A file of recorded experiments as numbered rows of text or numbers: CSV, CSV.gz or Parquet."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runtime.errors import InvalidRequest

Row = Mapping[str, Any]

WIDE = (
    "experiment_id",
    "variant_id",
    "metric_id",
    "time_since_start",
    "count_c",
    "count_t",
    "mean_c",
    "mean_t",
    "variance_c",
    "variance_t",
)
LONG = ("experiment_id", "variant_id", "metric_id", "time", "n")
SUMMARIES = (("mean", "variance"), ("sum", "sumsq"))


def read(path: Path) -> Iterator[tuple[int, Row]]:
    """(line, row) for every row; a row of Parquet is numbered as if it had a heading line. Raises InvalidRequest."""
    if not path.is_file():
        raise InvalidRequest(f"There is no file {path}; give a CSV, CSV.gz or Parquet file.")
    with path.open("rb") as file:
        start = file.read(4)
    return _parquet(path) if start == b"PAR1" else _csv(path, packed=start[:2] == b"\x1f\x8b")


def _csv(path: Path, *, packed: bool) -> Iterator[tuple[int, Row]]:
    try:
        content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path.name} cannot be read as text ({error}); save it as UTF-8 CSV or CSV.gz."
        ) from error
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="", restkey="")
    try:
        for row in reader:
            if "" in row and any(row.get("") or ()):
                raise InvalidRequest(f"line {reader.line_num} has more fields than the heading; mend it.")
            yield reader.line_num, {(name or "").strip(): value for name, value in row.items()}
    except csv.Error as error:
        raise InvalidRequest(f"line {reader.line_num} is not CSV ({error}); mend it.") from error


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    if find_spec("pyarrow") is None:
        raise InvalidRequest(
            f"{path.name} is Parquet, and reading it needs the package pyarrow: install it beside this one "
            "(`uv pip install pyarrow`), or save the table as CSV."
        )
    arrow = import_module("pyarrow")
    try:
        table = import_module("pyarrow.parquet").read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise InvalidRequest(f"{path.name} is not a readable Parquet file ({error}); write it again.") from error
    names = table.column_names
    columns = [table.column(name).to_pylist() for name in names]
    for number, values in enumerate(zip(*columns, strict=True), 2):
        yield number, dict(zip(names, values, strict=True))


def form_of(columns: set[str]) -> str:
    """`wide` or `long`, by the columns; the error says which are missing from which."""
    if set(WIDE) <= columns:
        return "wide"
    if set(LONG) <= columns and any(set(pair) <= columns for pair in SUMMARIES):
        return "long"
    wide = [name for name in WIDE if name not in columns]
    long = [name for name in LONG if name not in columns] or ["mean and variance, or sum and sumsq"]
    raise InvalidRequest(
        f"The heading fits neither form. Missing for the wide form: {', '.join(wide)}; "
        f"for the long form: {', '.join(long)}. See docs/backtest.md."
    )
