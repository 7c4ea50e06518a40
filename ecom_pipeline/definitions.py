"""The entry point for Dagster."""

from ecom_pipeline.defs.everything import everything

defs = everything()
