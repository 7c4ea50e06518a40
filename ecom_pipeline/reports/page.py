"""The report page: one file with everything in it, for browsers, phones and paper."""

import errno
import os
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.models.printable import printable
from ecom_pipeline.reports.charts import SECTIONS
from ecom_pipeline.reports.figures import Shop, rows_of

_WEEK: Final = timedelta(days=7)


def write_page(postgres: Postgres, file: Path) -> int:
    """Writes the page and gives its size in bytes.

    Raises:
        OSError: The file cannot be written; its `filename` is the file.
    """
    content = page(postgres).encode()
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".report-", dir=file.parent) as directory:
            # Readers see the old page or the new one.
            partial = Path(directory) / "page"
            partial.write_bytes(content)
            partial.replace(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    return len(content)


def page(postgres: Postgres) -> str:
    """The page as HTML: the same tables give the same text, whenever it is made."""
    shop = Shop(postgres)
    return templates.get_template("page.html").render(
        shop=shop,
        key_figures=_key_figures(shop),
        sections=SECTIONS,
        plotly=Markup(get_plotlyjs()),  # noqa: S704  (the library's own)
    )


def _key_figures(shop: Shop) -> Iterator[tuple[str, Decimal, str]]:
    """Each with its sum over the newest seven days, and how it changed on those before."""
    newest, oldest = shop.newest, shop.oldest
    # Of a shop that is younger, the week before is no whole one.
    compared = newest and oldest and oldest <= newest - 2 * _WEEK + timedelta(days=1)
    weeks = [rows_of(shop.until(newest and newest - back, _WEEK)) for back in (0 * _WEEK, _WEEK)]
    for title, column in (
        ("Net sales", "net_sales"),
        ("Orders", "orders"),
        ("Units", "units"),
        ("New customers", "new_customers"),
    ):
        now, before = (sum((row[column] for row in week), Decimal()) for week in weeks)
        known = compared and before > 0
        change = f"{100 * (now - before) / before:+.1f} % on the week before" if known else ""
        yield title, now, change


def _on_one_line(value: object) -> object:
    """Text of whatever stands in `{{ }}`; Jinja escapes it, unless it is markup already."""
    return value if isinstance(value, Markup) else printable(value)


templates: Final = Environment(
    loader=PackageLoader("ecom_pipeline.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_on_one_line,
    trim_blocks=True,
    lstrip_blocks=True,
)
