"""From carts to orders: carts in Mongo, decided in Postgres."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import dagster as dg

from ecom_pipeline.analytics.shop_facts import carts_per_day, outcomes_per_day
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.asset import daily_asset, deps
from ecom_pipeline.defs.columns import shop_columns
from ecom_pipeline.defs.generating import GENERATED, fill
from ecom_pipeline.defs.lineage import column_lineage
from ecom_pipeline.defs.materialization import Metadata, result_of_days
from ecom_pipeline.defs.partitions import days_of
from ecom_pipeline.generation import CartDocument, ShopProfile, generate_carts
from ecom_pipeline.loading.carts import load_carts
from ecom_pipeline.services.checkout_replay import replay_checkouts

GROUP: Final = "checkout"

CARTS: Final = dg.TableSchema(
    [
        dg.TableColumn("_id", "string", "The cart id."),
        dg.TableColumn("customer_id", "long", "Missing in a guest's cart."),
        dg.TableColumn("status", "string", "active, submitted or rejected."),
        dg.TableColumn("items", "array", "Lines, each with product_id and quantity."),
        dg.TableColumn("created_at", "date", "Instant at which the cart was begun, UTC."),
        dg.TableColumn("updated_at", "date", "Instant of its last change, UTC."),
        dg.TableColumn("submitted_at", "date", "Instant at which it was sealed, UTC."),
        dg.TableColumn("touched_at", "date", "Instant of the last write; expiry counts from it."),
    ]
)


@daily_asset(
    group=GROUP,
    kinds={"python", "mongodb"},
    columns=CARTS,
    table="ecom.carts",
    deps=deps(["customers", "products"]),
)
def carts(
    context: dg.AssetExecutionContext,
    stores: dg.ResourceParam[Stores],
    profile: dg.ResourceParam[ShopProfile],
) -> dg.MaterializeResult[None]:
    """Shopping carts in Mongo: one document per cart, by the day of its creation.

    A cart that exists or was decided already stays unchanged. Most carts stay active and expire.
    Submitted carts wait for their checkout and are deleted from Mongo once they are ordered.
    """
    days = days_of(context)
    days = days_of(context)
    rows: dict[date, int] = {}

    def batches() -> Iterator[tuple[date, list[CartDocument]]]:
        for day in days:
            batch = generate_carts(profile, day)
            rows[day] = len(batch)
            yield day, batch

    def load() -> Metadata:
        changes = load_carts(stores, batches())
        return {"inserted": changes.inserted, "displaced": changes.displaced}

    facts = fill(load)
    if GENERATED in facts:
        rows = carts_per_day(stores, days)
    return result_of_days(context, rows, {**facts, **column_lineage("carts")})


@daily_asset(
    group=GROUP,
    kinds={"python", "postgres", "mongodb"},
    columns=shop_columns("checkouts"),
    table="ecom.shop.checkouts",
    deps=deps(["carts", "customers", "products", "stock_receipts"]),
)
def checkouts(
    context: dg.AssetExecutionContext, stores: dg.ResourceParam[Stores]
) -> dg.MaterializeResult[None]:
    """Decided carts: one row per submitted cart, ordered or rejected, by its day of submission.

    An ordered cart has an order in `shop.orders`, its units are subtracted from the stock, and it
    is deleted from Mongo. A rejected cart has a reason. A cart whose submission time lies in the
    future waits. Decisions are final: materializing a day again decides only the carts that are
    still waiting.
    """
    days = days_of(context)
    report = replay_checkouts(stores, days[0], days[-1])
    outcomes = outcomes_per_day(stores.postgres, days)
    return result_of_days(
        context,
        {day: found.carts for day, found in outcomes.items()},
        {
            "inserted": report.carts,
            "ordered": report.ordered,
            **{f"rejected: {reason}": carts for reason, carts in report.rejected.items()},
            "waiting": report.waiting,
            "effects_left": report.effects_left,
            **column_lineage("checkouts"),
        },
    )
