"""The raw files of a mapping as Parquet files of text, with a number for every record.

A record's number is unique among all files of a load and rises in their order: the file's number in
the higher bits, the record's line in the lower 40.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecom_pipeline.database.prefetch import prefetched
from ecom_pipeline.loading.batches import FIRST_LINE
from ecom_pipeline.loading.file_errors import RefusedFile
from ecom_pipeline.loading.mapping_file import MappingError, RawView
from ecom_pipeline.loading.table_files import (
    ENDINGS,
    MOST_COLUMNS,
    TableFile,
    open_table,
    stem_of,
)
from ecom_pipeline.models.printable import printable

RECORD: Final = "_record"
FILE: Final = "_file"
IN_RECORD: Final = "in_record"
LINE_BITS: Final = 40
_LINE: Final = (1 << LINE_BITS) - 1
_MOST_FILES: Final = 10_000

Numbers = npt.NDArray[np.int64]
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class RawFile:
    """A raw file of a view.

    Attributes:
        table: The file.
        number: Its number among all files of the load, from 1.
        columns: Names of its columns in the view, each once.
        path: Where its records are, once they are read.
        broken_path: Where those are that break the file's format.
        reasons: How many break it, by reason.
        records: How many it has, broken ones too; filled by `read`.
    """

    table: TableFile
    number: int
    columns: tuple[str, ...]
    path: Path
    broken_path: Path
    reasons: Counter[str] = field(default_factory=Counter)
    records: list[int] = field(default_factory=lambda: [0])

    @property
    def name(self) -> str:
        """The file's name."""
        return self.table.name

    @property
    def rows_read(self) -> int:
        """How many records it has, broken ones too."""
        return self.records[0]

    def broken(self) -> Iterator[pa.Table]:
        """The records that break its format, as ops.quarantine has them."""
        if self.reasons:
            yield pq.read_table(self.broken_path)


class RecordIndex:
    """The places of records among all of a load, which rise as their numbers do.

    Args:
        files: All raw files, by number, when they are read.
    """

    def __init__(self, files: Sequence[RawFile]) -> None:
        self._names = [file.name for file in files]
        self._rows = np.array([0, *(file.rows_read for file in files)], np.int64)
        self._starts = np.concatenate(([0], np.cumsum(self._rows)))

    def __len__(self) -> int:
        return int(self._starts[-1])

    def places(self, records: Numbers) -> Numbers:
        """The places of records.

        Raises:
            ValueError: One of them is none.
        """
        files, lines = records >> LINE_BITS, (records & _LINE) - FIRST_LINE
        if records.dtype.kind != "i" or not np.all((files > 0) & (files < len(self._rows))):
            raise ValueError("not the number of a record")
        if not np.all((lines >= 0) & (lines < self._rows[files])):
            raise ValueError("not the number of a record")
        return np.asarray(self._starts[files] + lines)

    def shown(self, place: int) -> str:
        """File and line of a record."""
        number = int(np.searchsorted(self._starts, place, "right")) - 1
        return f"{self._names[number - 1]}:{place - int(self._starts[number]) + FIRST_LINE}"


def raw_files(
    mapping: str, views: Sequence[RawView], directory: Path, scratch: Path
) -> dict[str, list[RawFile]]:
    """The files of each view, sorted by name; of all views they are numbered together.

    Symbolic links are not followed. A column that stands in several files, in capitals in one and
    not in another, is one, named as in the first.

    Raises:
        MappingError: A view that needs files has none, or it has more files or columns than are
            read.
        IngestError: A file cannot be read.
    """
    number = 0
    found: dict[str, list[RawFile]] = {}
    for view in views:
        files = found[view.name] = []
        spelled: dict[str, str] = {}
        for path in _matching(view, directory):
            number += 1
            if number > _MOST_FILES:
                raise MappingError(
                    mapping, f"view {view.name}", f"finds more than {_MOST_FILES:,} files"
                )
            table = _looked_at(mapping, view, path)
            columns = (spelled.setdefault(name.casefold(), name) for name in table.names)
            read, broken = (scratch / f"{kind}-{number:06}.parquet" for kind in ("raw", "broken"))
            files.append(RawFile(table, number, tuple(columns), read, broken))
            if len(spelled) > MOST_COLUMNS:
                raise MappingError(
                    mapping,
                    f"view {view.name}",
                    f"its files have more than {MOST_COLUMNS:,} columns together",
                )
        if not files and view.required:
            raise MappingError(
                mapping,
                f"view {view.name}",
                f"finds no file in {directory}; it looks for {' or '.join(view.files)}"
                f" with one of the endings {', '.join(ENDINGS)}",
            )
    return found


def is_of(view: RawView, name: str) -> bool:
    """Whether a view shows files of this name."""
    stem = stem_of(name)
    return stem is not None and any(
        fnmatch(stem.lower(), pattern.lower()) for pattern in view.files
    )


def read(file: RawFile, progress: Progress) -> None:
    """Writes a file's records as Parquet, apart from those that break its format."""
    schema = pa.schema(
        [
            *(pa.field(name, pa.string()) for name in file.columns),
            pa.field(FILE, pa.dictionary(pa.int32(), pa.string())),
            pa.field(RECORD, pa.int64()),
        ]
    )
    broken: list[pa.Table] = []
    # Uncompressed: it is read once or twice, soon.
    with pq.ParquetWriter(file.path, schema, compression="none", use_dictionary=[FILE]) as writer:
        for batch in prefetched(file.table.all_batches()):
            file.records[0] += batch.num_rows
            if batch["problem"].null_count < batch.num_rows:
                broken.append(_broken(file, batch.filter(pc.is_valid(batch["problem"]))))
            whole = batch.filter(pc.is_null(batch["problem"])) if broken else batch
            writer.write_table(_records(file, whole, schema))
            progress(file.name, file.rows_read)
    if broken:
        pq.write_table(pa.concat_tables(broken), file.broken_path)


def _records(file: RawFile, batch: pa.Table, schema: pa.Schema) -> pa.Table:
    rows = batch.num_rows
    file_name = pa.DictionaryArray.from_arrays(
        pa.repeat(pa.scalar(0, pa.int32()), rows), [file.name]
    )
    record = pc.add(batch["line"], pa.scalar(file.number << LINE_BITS, pa.int64()))
    texts = [batch[str(place)] for place in range(len(file.columns))]
    return pa.table([*texts, file_name, record], schema=schema)


def _broken(file: RawFile, batch: pa.Table) -> pa.Table:
    said = []
    for row in batch.to_pylist():
        file.reasons[row["problem"]] += 1
        text = row["text"]
        values = {name: row[str(place)] for place, name in enumerate(file.columns)}
        row_said = values if text is None else {"text": text}
        # As for rows of the contract: jsonb cannot hold a NUL.
        said.append(json.dumps(row_said).replace("\\u0000", r"\\x00"))
    return pa.table(
        {
            "source": pa.repeat(file.name, batch.num_rows),
            "line": batch["line"],
            "row": pa.array(said, pa.string()),
            "reason": batch["problem"],
            "table_name": pa.repeat("", batch.num_rows),
        }
    )


def _matching(view: RawView, directory: Path) -> list[Path]:
    names = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if is_of(view, entry.name) and entry.is_file(follow_symlinks=False):
                if not _is_text(entry.name):
                    raise RefusedFile(printable(entry.name), "has no name in UTF-8; rename it")
                names.append(entry.name)
    return [directory / name for name in sorted(names)]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _looked_at(mapping: str, view: RawView, path: Path) -> TableFile:
    table = open_table(path, view.reading)
    if own := {RECORD, FILE} & {name.casefold() for name in table.names}:
        raise MappingError(
            mapping,
            f"view {view.name}",
            f"{path.name} has a column {', '.join(sorted(own))}, a name that every view has anyway",
        )
    return table
