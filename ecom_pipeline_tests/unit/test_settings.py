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
        if name.upper().startswith("ECOM_"):
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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ECOM_GENERTAE=false", "ECOM_GENERTAE (in .env, line 1) is not a known variable"),
        (
            "#\n\nexport  ecom_genertae = 'no'",
            "ecom_genertae (in .env, line 3) is not a known variable",
        ),
        (
            "\ufeffECOM_SEDE=1",
            "ECOM_SEDE (in .env, line 1) is not a known variable; did you mean ECOM",
        ),
        (
            "ECOM_SEED=1\nECOM_GENERATE false",
            "line 2) is not a known variable; write ECOM_GENERATE=v",
        ),
        (
            "ECOM_GENERATE",
            "ECOM_GENERATE (in .env, line 1) is not a known variable; write ECOM_GEN",
        ),
        ("ECOM_REDIS_PORT=6379", "ECOM_REDIS_PORT (in .env, line 1) is not a known variable"),
    ],
)
def test_a_name_in_the_file_that_means_nothing_is_refused_with_its_line(
    empty_directory: Path, text: str, told: str
) -> None:
    (empty_directory / ".env").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert told in str(raised.value)


def test_a_name_in_the_environment_that_means_nothing_is_refused_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = _told(monkeypatch, ECOM_GENERTAE="false", ecom_seeds="1", ECOM_REDIS_PORT="6379")
    assert (
        "ECOM_GENERTAE (in the environment) is not a known variable; did you mean ECOM_GENER"
        in told
    )
    assert (
        "ecom_seeds (in the environment) is not a known variable; did you mean ECOM_SEED?" in told
    )
    assert "ECOM_REDIS_PORT (in the environment)" in told


def test_names_that_mean_something_are_read_however_they_are_written(
    empty_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_directory / ".env").write_text(
        "\ufeffexport ecom_seed = '7'\nPOSTGRES_PASSWORD=x\n# ECOM_SEDE=1\n ECOM_GENERATE=\"no\"\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("Ecom_Products", "3")
    settings = load_settings()
    assert (settings.seed, settings.products, settings.generate) == (7, 3, False)


def test_what_kubernetes_tells_of_services_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ECOM_SERVICE_HOST": "10.0.0.7",
        "ECOM_DAGSTER_WEBSERVER_SERVICE_PORT_HTTP": "80",
        "ECOM_DAGSTER_WEBSERVER_PORT": "tcp://10.0.0.7:80",
        "ECOM_DAGSTER_WEBSERVER_PORT_80_TCP_ADDR": "10.0.0.7",
    }.items():
        monkeypatch.setenv(name, value)
    assert load_settings().seed == 42


def test_a_file_that_cannot_be_read_is_told(empty_directory: Path) -> None:
    (empty_directory / ".env").write_bytes(b"ECOM_SEED=\xff")
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8 text: save it in UTF-8"):
        load_settings()


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


def test_nothing_is_generated_into_a_shop_that_waits_for_files_unless_told(
    monkeypatch: pytest.MonkeyPatch, empty_directory: Path
) -> None:
    assert load_settings().generate
    monkeypatch.setenv("ECOM_INBOX", "arrives/here")

    assert load_settings().inbox == empty_directory / "arrives" / "here"
    assert not load_settings().generate
    monkeypatch.setenv("ECOM_GENERATE", "true")
    assert load_settings().generate


def test_a_mapping_is_a_name_or_a_file(
    monkeypatch: pytest.MonkeyPatch, empty_directory: Path
) -> None:
    monkeypatch.setenv("ECOM_MAPPING", "shopify")
    assert load_settings().mapping == "shopify"
    monkeypatch.setenv("ECOM_MAPPING", "mine.sql")
    assert load_settings().mapping == str(empty_directory / "mine.sql")
