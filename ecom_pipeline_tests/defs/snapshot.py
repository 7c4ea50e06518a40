"""The graph of definitions as text, for the review of what changes in it.

python -m ecom_pipeline_tests.defs.snapshot  writes it anew.
"""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from ecom_pipeline.defs.everything import everything

FILE = Path(__file__).with_name("definitions.json")


def snapshot() -> str:
    return json.dumps(_graph(), indent=2, sort_keys=True) + "\n"


def _graph() -> dict[str, Any]:
    defs = everything()
    graph = defs.resolve_asset_graph()
    checks = defs.asset_checks or []
    repository = defs.get_repository_def()
    return {
        "assets": {
            key.to_user_string(): _asset(graph.get(key)) for key in graph.get_all_asset_keys()
        },
        "checks": {
            spec.key.to_user_string(): _check(spec)
            for check in checks
            for spec in check.check_specs
        },
        "jobs": {
            job.name: sorted(node.name for node in job.nodes)
            for job in defs.resolve_all_job_defs()
            if not job.name.startswith("__")
        },
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "job": schedule.job_name,
                "status": schedule.default_status.value,
            }
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: {
                "every_seconds": sensor.minimum_interval_seconds,
                "jobs": sorted(target.job_name for target in sensor.targets),
                "status": sensor.default_status.value,
            }
            for sensor in repository.sensor_defs
        },
    }


def _asset(node: Any) -> dict[str, Any]:
    policy = node.backfill_policy  # of an asset that no run makes there is none
    return {
        "backfill": policy and policy.policy_type.value,
        "columns": [column.name for column in node.metadata["dagster/column_schema"].columns],
        "deps": sorted(key.to_user_string() for key in node.parent_keys),
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "owners": list(node.owners),
        "partitions": type(node.partitions_def).__name__ if node.is_partitioned else None,
        "pools": sorted(node.pools or ()),
        "table": node.metadata["dagster/table_name"],
    }


def _check(spec: dg.AssetCheckSpec) -> dict[str, Any]:
    return {
        "asset": spec.asset_key.to_user_string(),
        "blocking": spec.blocking,
        "description": spec.description,
        "also_after": sorted(dep.asset_key.to_user_string() for dep in spec.additional_deps),
    }


if __name__ == "__main__":
    FILE.write_text(snapshot(), encoding="utf-8")
