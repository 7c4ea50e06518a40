# The pipeline's code, for the code server, the webserver, the daemon and runs alike.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 ecom
WORKDIR /srv/ecom_pipeline

# First what changes seldom. The lock file fixes every package to the hash, at the versions of
# requirements.lock, without what only development and the embedded stores need.
COPY deploy/requirements.lock deploy/requirements.lock
RUN pip install --no-cache-dir --require-hashes --requirement deploy/requirements.lock

COPY pyproject.toml README.md LICENSE dagster.yaml ./
COPY sql sql
COPY deploy/workspace.yaml deploy/workspace.yaml
COPY ecom_pipeline ecom_pipeline
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index --editable . \
    && mkdir .ecom && chown ecom . .ecom

USER ecom
ENV DAGSTER_HOME=/srv/ecom_pipeline PYTHONUNBUFFERED=1
EXPOSE 4000
CMD ["dagster", "code-server", "start", "--host", "0.0.0.0", "--port", "4000", "--module-name", "ecom_pipeline.definitions"]
