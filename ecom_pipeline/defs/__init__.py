"""The shop in Dagster: assets, checks, resources, jobs, schedules and sensors."""
