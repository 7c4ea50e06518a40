"""The `ecom` command."""

from ecom_pipeline.cli.app import main

__all__ = ["main"]
