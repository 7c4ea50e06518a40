"""What applications read: rankings in Redis."""

from typing import Final

import dagster as dg

from ecom_pipeline.analytics.upkeep import refresh_cache
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.asset import FRESH_ENOUGH, deps, whole_asset
from ecom_pipeline.defs.lineage import column_lineage
from ecom_pipeline.defs.materialization import result_of_table
from ecom_pipeline.services.top_sellers import top_sellers_key

GROUP: Final = "serving"

RANKING: Final = dg.TableSchema(
    [
        dg.TableColumn("rank", "integer", "1 is best: by units, then net_sales, then product_id."),
        dg.TableColumn("product_id", "integer", "The product."),
        dg.TableColumn("name", "string", "Its name."),
        dg.TableColumn(
            "units", "integer", "Units ordered in the window, less those returned in it."
        ),
        dg.TableColumn("net_sales", "decimal", "Net sales of the window, as text."),
    ]
)


@whole_asset(
    group=GROUP,
    kinds={"python", "redis"},
    columns=RANKING,
    table=top_sellers_key("{window}"),
    deps=deps(["top_sellers"]),
    freshness_policy=FRESH_ENOUGH,
)
def top_sellers_cache(stores: dg.ResourceParam[Stores]) -> dg.MaterializeResult[None]:
    """Top sellers in Redis: one JSON list per window (`7d`, `30d`, `all`), best first.

    Each list expires after about a day; readers that find none compute the ranking from Postgres.
    """
    return result_of_table(refresh_cache(stores).rows, column_lineage("top_sellers_cache"))
