"""What may be set, and what is told of a setting that cannot be used."""

import os
from pathlib import Path

import pytest

from ecom_pipeline.config.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, without a `.env`; no ECOM_ variable is set either."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("ECOM_"):
            monkeypatch.delenv(name)
    return tmp_path


def _told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    return str(raised.value)


def test_nothing_needs_to_be_set(empty_directory: Path) -> None:
    settings = load_settings()
    assert (settings.postgres_url, settings.mongo_url, settings.redis_url) == (None, None, None)
    assert settings.home == empty_directory / ".ecom"
    assert (settings.customers, settings.products) == (20_000, 2_000)
    assert (settings.orders_per_day, settings.carts_per_day) == (1_000, 1_500)
    assert settings.seed == 42


def test_the_environment_wins_over_the_file_and_arguments_over_both(
    empty_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_directory / ".env").write_text("ECOM_SEED=1\nECOM_CUSTOMERS=1\nECOM_PRODUCTS=1\n")
    monkeypatch.setenv("ECOM_CUSTOMERS", "2")
    monkeypatch.setenv("ECOM_PRODUCTS", "2")
    settings = load_settings(products=3)
    assert (settings.seed, settings.customers, settings.products) == (1, 2, 3)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOM_MONGO_URL", "")
    assert load_settings().mongo_url is None


def test_every_bad_variable_is_named_with_what_was_given_and_what_is_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = _told(
        monkeypatch,
        ECOM_CUSTOMERS="many",
        ECOM_ORDERS_PER_DAY="-1",
        ECOM_START_DATE="2026-02-30",
    )
    assert "ECOM_CUSTOMERS is 'many': should be a valid integer" in told
    assert "ECOM_ORDERS_PER_DAY is '-1': should be greater than or equal to 1" in told
    assert "ECOM_START_DATE is '2026-02-30': should be a valid date" in told


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ECOM_POSTGRES_URL", "mysql://user:secret@host/db", "postgresql://… or postgres://…"),
        ("ECOM_POSTGRES_URL", "host=secret dbname=ecom", "postgresql://… or postgres://…"),
        ("ECOM_MONGO_URL", "secret", "mongodb://… or mongodb+srv://…"),
        ("ECOM_REDIS_URL", "redis://", "redis://… or rediss://… or unix://…"),
    ],
)
def test_a_bad_url_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    told = _told(monkeypatch, **{variable: value})
    assert f"{variable} should be {expected}" in told
    assert "secret" not in told


def test_a_url_is_not_shown_with_the_settings() -> None:
    settings = Settings(_env_file=None, postgres_url="postgresql://user:secret@host/db")
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()


def test_numbers_that_ids_have_no_room_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ECOM_CARTS_PER_DAY" in _told(monkeypatch, ECOM_CARTS_PER_DAY="1000000")
    assert "ECOM_ORDERS_PER_DAY" in _told(monkeypatch, ECOM_ORDERS_PER_DAY="10000000")


def test_the_same_home_is_named_the_same_however_it_is_reached(
    empty_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_directory / "real").mkdir()
    (empty_directory / "link").symlink_to("real")
    monkeypatch.setenv("ECOM_HOME", "link/../link/.ecom")
    assert load_settings().home == empty_directory / "real" / ".ecom"
