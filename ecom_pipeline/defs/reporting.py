"""What is made of the finished tables: the page for people, and the plans of the queries.

Apart from the whole job: a capture of plans is kept each time, and runs queries the slow way too.
"""

from typing import Final

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.asset import FRESH_ENOUGH, deps, whole_asset
from ecom_pipeline.defs.check_results import BREACHES
from ecom_pipeline.defs.failures import retry_and_explain
from ecom_pipeline.defs.jobs import REPORTING_JOB
from ecom_pipeline.defs.materialization import result_of_table, table_value
from ecom_pipeline.verification.plans import QueryPlan, capture_plans, lost_indexes

_TABLES: Final = deps(
    table.name for table in catalog().refreshed(Refresh.BY_DAY, Refresh.WHOLE, Refresh.VIEW)
)

PAGE_COLUMNS: Final = dg.TableSchema(
    [dg.TableColumn("page", "string", "Self-contained HTML; opens without a network.")]
)

PLANS: Final = dg.TableSchema(
    [
        dg.TableColumn("captured_at", "timestamptz", "Instant of the capture."),
        dg.TableColumn("name", "text", "The query."),
        dg.TableColumn("index_name", "text", "The index that should serve it, if any."),
        dg.TableColumn("orders", "bigint", "The scale: orders in the shop."),
        dg.TableColumn("rows_returned", "bigint", "Rows that the query returned."),
        dg.TableColumn("with_ms", "numeric(12,3)", "Milliseconds with all indexes."),
        dg.TableColumn("without_ms", "numeric(12,3)", "Milliseconds without that index."),
        dg.TableColumn("with_buffers", "bigint", "Pages of 8 kB read."),
        dg.TableColumn("without_buffers", "bigint", "Pages read without the index."),
        dg.TableColumn("used", "boolean", "Whether the plan used the index."),
        dg.TableColumn("node", "text", "The node that changes without the index."),
        dg.TableColumn("method", "text", "How the index was kept from the planner."),
        dg.TableColumn("verdict", "text", "Whether the index is worth its cost."),
        dg.TableColumn("plan", "jsonb", "The plan, as EXPLAIN gave it."),
    ]
)


@whole_asset(
    group=REPORTING_JOB,
    kinds={"python", "plotly", "html"},
    columns=PAGE_COLUMNS,
    table="report.html",
    deps=_TABLES,
    freshness_policy=FRESH_ENOUGH,
)
def sales_report(stores: dg.ResourceParam[Stores]) -> dg.MaterializeResult[None]:
    """The report page: sales and their trend, products, customers, carts and stock, as charts.

    It is one file in `ECOM_HOME`, the same as `ecom report --html` writes. If `ECOM_REPORT_URL` is
    set, as `make ui` does, the materialization links to that address.
    """
    # Plotly takes a while to import, and all else can do without.
    from ecom_pipeline.reports.page import write_page  # noqa: PLC0415

    settings = load_settings()
    size = write_page(stores.postgres, settings.report_page)
    link = {"open": dg.MetadataValue.url(str(url))} if (url := settings.report_url) else {}
    file = dg.MetadataValue.path(settings.report_page)
    return dg.MaterializeResult(metadata={**link, "file": file, "bytes": size})


@whole_asset(
    group=REPORTING_JOB,
    kinds={"sql", "postgres"},
    columns=PLANS,
    table="ecom.ops.query_plans",
    deps=_TABLES,
)
def query_plans(stores: dg.ResourceParam[Stores]) -> dg.MaterializeResult[None]:
    """How each query ran with and without the index that serves it: one row per query.

    The queries read the live tables without locking them; an index is hidden in this one
    transaction only.
    """
    plans = capture_plans(stores.postgres)
    return result_of_table(
        len(plans), {"plans": table_value(_SHOWN, [_plan_row(plan) for plan in plans])}
    )


@dg.asset_check(asset=query_plans)
@retry_and_explain
def plans_use_their_indexes(stores: dg.ResourceParam[Stores]) -> dg.AssetCheckResult:
    """The newest plan of every query uses the index that earlier plans used."""
    lost = lost_indexes(stores.postgres)
    rows = [(loss.name, loss.index, loss.last_used_at) for loss in lost]
    return dg.AssetCheckResult(
        passed=not lost,
        metadata={
            BREACHES: len(lost),
            "lost": table_value(("query", "index", "last used at"), rows),
        },
    )


_SHOWN: Final = ("query", "index", "ms with", "ms without", "node", "verdict")


def _plan_row(plan: QueryPlan) -> tuple[object, ...]:
    without = plan.without.milliseconds if plan.without else None
    return (plan.name, plan.index, plan.best.milliseconds, without, plan.node, plan.verdict)
