"""A shop's data platform on Postgres, Mongo and Redis, orchestrated by Dagster."""
