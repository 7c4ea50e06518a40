"""However files are spoilt, they are loaded or refused row by row, and the books balance."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import IngestReport, ingest_directory
from ecom_pipeline.verification.audit import CHECKS
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import (
    Files,
    contents,
    select,
    small_shop,
    write_csv,
    write_parquet,
)
from ecom_pipeline_tests.sizes import examples

NASTY = [
    *(
        "",
        " ",
        "0",
        "-1",
        "1.0",
        "1.00",
        "1.005",
        "1e5",
        "9" * 25,
        "NaN",
        "-Infinity",
        "0x10",
        "1_0",
    ),
    *("2026-02-29", "2026-02-28T23:59:60Z", "2026-01-05T10:00+14:00", "0000-00-00", "9999-12-31"),
    *("{}", '{"a": {"a": 1e308}}', '{"a": "\\ud83d\\ude00"}', '{"a": "\\ud83d"}', '{"a": -0.0}'),
    *(
        "PT",
        "\u00df",
        "\0",
        "\\.",
        "\\N",
        "null",
        '"',
        "'",
        "a,b",
        "a\nb",
        "a\r\nb",
        "\ufeff",
        "\u202e",
    ),
    *("person1@example.com", "person2@example.com", "SKU-1", "SKU-2", "1", "2", "3"),
]

changes = st.lists(
    st.tuples(
        st.sampled_from(sorted(small_shop())),
        st.integers(0, 7),
        st.integers(0, 5),
        st.one_of(st.sampled_from(NASTY), st.none(), st.text(max_size=12)),
    ),
    max_size=8,
)
many = settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def spoilt(cells: list[tuple[str, int, int, str | None]], order: Random) -> Files:
    """The small shop with other values in some cells, some rows twice, and in another order."""
    files = small_shop()
    for name, row, column, value in cells:
        rows = files[name]
        place = row % len(rows)
        field = list(rows[place])[column % len(rows[place])]
        rows[place] = {**rows[place], field: value}
        if row > column:
            rows.append(rows[place])
    for rows in files.values():
        order.shuffle(rows)
    return files


def assert_the_books_balance(stores: Stores, report: IngestReport) -> None:
    rows_in_quarantine = dict(
        fetch(
            stores,
            "select source, count(*) from ops.quarantine where of_newest_load group by source",
        )
    )
    for source in report.sources:
        assert source.rows_read == source.rows_accepted + source.rows_quarantined
        assert source.rows_accepted >= 0
        assert rows_in_quarantine.get(source.source, 0) == source.rows_quarantined
        assert source.amount_read is None or source.amount_read == (
            (source.amount_accepted or 0) + (source.amount_quarantined or 0)
        )
    (accounts,) = (check for check in CHECKS if check.name == "rows_read_are_accounted_for")
    assert list(accounts.breaches(stores)) == []
    wrong_totals = (
        "select order_id from shop.orders left join shop.order_items using (placed_on, order_id) "
        "group by order_id, total_amount "
        "having total_amount is distinct from sum(quantity * unit_price)"
    )
    assert select(stores, wrong_totals) == []
    wrong_stocks = (
        "select product_id from shop.products left join shop.stock_receipts using (product_id) "
        "group by product_id having stock <> coalesce(sum(quantity), 0)"
    )
    assert select(stores, wrong_stocks) == []


@many
@given(cells=changes, order=st.randoms(), as_csv=st.booleans())
def test_spoilt_values_never_stop_a_load_and_loading_them_again_changes_nothing(
    stores: Stores, cells: list[tuple[str, int, int, str | None]], order: Random, as_csv: bool
) -> None:
    files = spoilt(cells, order)
    with TemporaryDirectory() as directory:
        (write_csv if as_csv else write_parquet)(Path(directory), files)
        report = ingest_directory(stores.postgres, Path(directory))
        assert {source.source.partition(".")[0]: source.rows_read for source in report.sources} == {
            # In a CSV file, a row of empty values is one of commas alone.
            name: sum(any(row.values()) or not as_csv for row in rows)
            for name, rows in files.items()
        }
        assert_the_books_balance(stores, report)
        before = contents(stores)

        assert not ingest_directory(stores.postgres, Path(directory)).changed
        assert contents(stores) == before


@many
@given(
    name=st.sampled_from(sorted(small_shop())),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3))),
)
def test_spoilt_bytes_never_stop_a_load(
    stores: Stores, name: str, edits: list[tuple[int, int, bytes]]
) -> None:
    with TemporaryDirectory() as directory:
        file = write_csv(Path(directory), small_shop()) / f"{name}.csv"
        header, _, rows = file.read_bytes().partition(b"\n")
        for place, length, new in edits:
            rows = rows[:place] + new + rows[place + length :]
        file.write_bytes(header + b"\n" + rows)

        assert_the_books_balance(stores, ingest_directory(stores.postgres, Path(directory)))
