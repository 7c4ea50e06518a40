"""Mutated exports: never a traceback, no record unaccounted for, no wrong sum without a refusal."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecom_pipeline.loading.balance import LEFT_OUT, REFUSED, Balance, balance_of
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.loading.mapping import MappedFiles, apply_mapping
from ecom_pipeline.loading.mapping_file import Mapping, find_mapping, shipped_mappings
from ecom_pipeline.loading.scratch import Scratch
from ecom_pipeline.services.conventions import Conventions
from ecom_pipeline_tests.mapped_shop import sample
from ecom_pipeline_tests.pens import SALES, pens, write_till
from ecom_pipeline_tests.shop import chance
from ecom_pipeline_tests.sizes import examples

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SAMPLED = [name for name in shipped_mappings() if any(sample(name).glob("*"))]
EXPORTS = ["pens", *SAMPLED]
ODD = [b"", b"\x00", b'"', b";", b",", b"\n", b"\r", b"\t", b"\xff", b"-", b"e5", b"NaN", b"''"]

Lines = list[bytes]


def change_bytes(lines: Lines, draws: random.Random) -> Lines:
    text = bytearray(b"\n".join(lines))
    for _ in range(draws.randint(1, 4)):
        place = draws.randrange(len(text) + 1)
        text[place : place + draws.randint(0, 2)] = draws.choice(ODD)
    return bytes(text).split(b"\n")


def change_fields(lines: Lines, draws: random.Random) -> Lines:
    number = draws.randrange(1, len(lines))
    delimiter = b"\t" if b"\t" in lines[0] else b","
    fields = lines[number].split(delimiter)
    fields[draws.randrange(len(fields))] = draws.choice([*ODD, b"-1", b"0", b"1e9999", b"9" * 40])
    return [*lines[:number], delimiter.join(fields), *lines[number + 1 :]]


def change_records(lines: Lines, draws: random.Random) -> Lines:
    records = list(lines[1:])
    one = draws.randrange(len(records))
    kind = draws.randrange(4)
    if kind == 0:
        del records[one]
    elif kind == 1:
        records.insert(draws.randrange(len(records)), records[one])
    elif kind == 2:
        draws.shuffle(records)
    else:
        records[one] = records[one][: draws.randrange(len(records[one]) + 1)]
    return [lines[0], *records]


def change_header(lines: Lines, draws: random.Random) -> Lines:
    delimiter = b"\t" if b"\t" in lines[0] else b","
    names = lines[0].split(delimiter)
    one = draws.randrange(len(names))
    kind = draws.randrange(3)
    if kind == 0:
        names[one] = draws.choice([b"", b"x", names[one - 1], names[one].swapcase()])
    elif kind == 1:
        del names[one]
    else:
        names.insert(one, names[one])
    return [delimiter.join(names), *lines[1:]]


MUTATIONS: list[Callable[[Lines, random.Random], Lines]] = [
    change_bytes,
    change_fields,
    change_fields,
    change_records,
    change_header,
]


def ingest(directory: Path, mapping: Mapping, scratch: Path) -> tuple[MappedFiles, Balance, int]:
    """Does what a load does before it comes to Postgres; gives how many rows are refused, too."""
    (scratch / "mapped").mkdir(parents=True)
    (scratch / "checked").mkdir()
    mapped = apply_mapping(mapping, directory, scratch / "mapped", Conventions(), lambda *_: None)
    with closing(Scratch(scratch / "checked", NOW, Conventions())) as checked:
        checked.name_raw_files({raw.number: raw.name for raw in mapped.raw_files})
        for file in mapped.files:
            checked.open(file.source)
            for batch in file.batches():
                checked.check(file, batch)
            checked.refuse_repeated(file.source, file.source.key)
            if file.source.unique is not None:
                checked.refuse_repeated(
                    file.source, [file.source.unique], in_part=file.source.in_part
                )
        checked.refuse_orders_that_do_not_add_up()
        refused = sum(sum(checked.settle(file.source).values()) for file in mapped.files)
        return mapped, balance_of(checked, mapped), refused


def export_of(name: str, directory: Path) -> Mapping:
    """Writes a sample's files; gives the mapping."""
    if name == "pens":
        write_till(directory / "till.csv", SALES)
        return pens()
    for path in sample(name).iterdir():
        shutil.copy(path, directory)
    return find_mapping(name)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_mutated_export_is_an_error_in_words_or_has_an_account_of_every_record(
    name: str, tmp_path: Path
) -> None:
    (directory := tmp_path / "export").mkdir()
    mapping = export_of(name, directory)
    told: list[str] = []
    originals = {path: path.read_bytes() for path in directory.iterdir()}
    _, sound, _ = ingest(directory, mapping, tmp_path / "sound")
    assert sound.is_even

    # A sixteenth of a thousand, of all samples together, unless all are searched.
    for number in range(examples(examples(1000)) // len(EXPORTS) + 1):
        draws = chance(1000 * EXPORTS.index(name) + number)
        path = draws.choice(sorted(originals))
        for other, text in originals.items():
            other.write_bytes(text)
        lines = originals[path].rstrip(b"\n").split(b"\n")
        path.write_bytes(b"\n".join(draws.choice(MUTATIONS)(lines, draws)) + b"\n")
        try:
            mapped, balance, refused = ingest(directory, mapping, tmp_path / f"{number}")
        except IngestError as error:
            told.append(str(error))
            continue
        finally:
            shutil.rmtree(tmp_path / f"{number}")
        assert balance.records() == sum(file.rows_read for file in mapped.raw_files), number
        says_so = refused or any(
            line.unread or line.outcome in {REFUSED, LEFT_OUT} for line in balance.lines
        )
        assert balance.is_even or says_so, (number, balance)
    assert "example.com" not in " ".join(told)
