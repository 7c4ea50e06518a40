# The pipeline's code, for the code server, the webserver and the daemon alike.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 ecom
WORKDIR /srv/ecom_pipeline

# First what changes seldom; the lock file fixes every package to the hash.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock

COPY pyproject.toml README.md dagster.yaml workspace.yaml ./
COPY sql sql
COPY deploy deploy
COPY ecom_pipeline ecom_pipeline
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

USER ecom
ENV DAGSTER_HOME=/srv/ecom_pipeline PYTHONUNBUFFERED=1
CMD ["dagster", "code-server", "start", "--host", "0.0.0.0", "--port", "4000", "--module-name", "ecom_pipeline.definitions"]
