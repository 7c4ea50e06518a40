"""The schedules, in the shop's time zone."""

from datetime import timedelta

import dagster as dg

from ecom_pipeline.defs.jobs import JOB, REPORTING_JOB
from ecom_pipeline.defs.partitions import shop_days


def schedules(time_zone: str) -> list[dg.ScheduleDefinition]:
    """The nightly run and the morning's report, at times of a zone."""

    @dg.schedule(
        job_name=JOB,
        # When the day is over everywhere that writes it, and before anybody reads about it.
        cron_schedule="30 0 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Materializes yesterday in every daily asset, and all assets without partitions."""
        yesterday = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
        if not shop_days().has_partition_key(yesterday):
            return dg.SkipReason(f"{yesterday} is before the shop's first day")
        return dg.RunRequest(partition_key=yesterday)

    @dg.schedule(
        job_name=REPORTING_JOB,
        # When the nightly run is done, or was tried again.
        cron_schedule="0 5 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def every_morning() -> dg.RunRequest:
        """Writes the report page and captures the query plans."""
        return dg.RunRequest()

    return [every_night, every_morning]
