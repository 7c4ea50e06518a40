"""What the environment and `.env` say about stores, sizes and dates."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ecom_pipeline.config.names import UnusableName, unusable_names

ENV_PREFIX = "ECOM_"
ENV_FILE = Path(".env")
DEFAULT_WINDOW_DAYS = 30


class SettingsError(Exception):
    """A setting cannot be used; the message names each variable and what it should hold."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            "; ".join(problems) + " (settings come from the environment and .env; see .env.example)"
        )


def _url_of(*schemes: str) -> AfterValidator:
    expected = " or ".join(f"{scheme}://…" for scheme in schemes)

    def check(url: SecretStr) -> SecretStr:
        scheme, separator, rest = url.get_secret_value().partition("://")
        if scheme not in schemes or not separator or not rest:
            raise ValueError(f"expected {expected}")
        return url

    return AfterValidator(check)


def _directory(path: Path) -> Path:
    """The path, absolute, of a directory that is there or can be made."""
    absolute = path.expanduser().resolve()
    nearest = next(each for each in (absolute, *absolute.parents) if each.exists())
    if not nearest.is_dir():
        raise ValueError(f"expected a directory; {nearest} is not one")
    return absolute


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _name_or_file(mapping: str) -> str:
    """A mapping that comes with the project by its name, or one of the user's by its whole path."""
    return str(_absolute(Path(mapping))) if mapping.endswith(".sql") else mapping


def _time_zone(name: str) -> str:
    # Asked by itself, for a list of all takes each command 60 ms.
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected = "expected the name of a time zone (IANA), such as Europe/Lisbon"
        raise ValueError(expected) from None
    return name


def _currency(code: str) -> str:
    if re.fullmatch("[A-Z]{3}", code) is None:
        raise ValueError("expected the code of a currency (ISO 4217), such as EUR")
    return code


class Settings(BaseSettings):
    """Settings of one shop; each field is read from `ECOM_<FIELD>`, the environment first.

    A store whose URL is not set is served by an embedded server with its data under `home`.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    postgres_url: Annotated[SecretStr, _url_of("postgresql", "postgres")] | None = None
    mongo_url: Annotated[SecretStr, _url_of("mongodb", "mongodb+srv")] | None = None
    redis_url: Annotated[SecretStr, _url_of("redis", "rediss", "unix")] | None = None
    home: Annotated[Path, AfterValidator(_directory)] = Path(".ecom")
    report_url: HttpUrl | None = None
    # Where files arrive by themselves. It need not be there yet, or may be on a disk that is away.
    inbox: Annotated[Path, AfterValidator(_absolute)] | None = None
    mapping: Annotated[str, AfterValidator(_name_or_file)] | None = None
    generate: bool = True
    seed: int = Field(default=42, ge=0)
    start_date: date = date(2026, 1, 1)
    timezone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    currency: Annotated[str, AfterValidator(_currency)] = "EUR"
    customers: int = Field(default=20_000, ge=1)
    products: int = Field(default=2_000, ge=1)
    # Means over a year. Upper limits: a generated order's id has seven digits for its number within
    # the day, a cart's has six, and the busiest day has about 1.6 times the mean.
    orders_per_day: int = Field(default=1_000, ge=1, le=5_000_000)
    carts_per_day: int = Field(default=1_500, ge=1, le=500_000)

    @model_validator(mode="before")
    @classmethod
    def _without_generating(cls, given: dict[str, object]) -> dict[str, object]:
        """Nothing is made up in a shop whose files are yet to arrive, unless somebody says so."""
        return {"generate": False, **given} if given.get("inbox") else given

    @property
    def report_page(self) -> Path:
        """The file of the newest report page; `report_url` is where people open it."""
        return self.home / "report.html"


def load_settings(**overrides: object) -> Settings:
    """Reads the settings; `overrides` win over the environment, which wins over `.env`.

    Raises:
        SettingsError: A value cannot be used, or a name with our prefix means nothing; every such
            variable is named.
    """
    if unusable := unusable_settings():
        raise SettingsError(list(map(str, unusable)))
    return read_settings(**overrides)


def unusable_settings() -> list[UnusableName]:
    """The names with our prefix that are given and set nothing.

    Raises:
        SettingsError: `.env` cannot be read.
    """
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    try:
        return unusable_names(known, ENV_PREFIX, ENV_FILE)
    except UnicodeError:
        raise SettingsError([f"{ENV_FILE} is not UTF-8 text: save it in UTF-8"]) from None
    except OSError as error:
        raise SettingsError([f"{ENV_FILE} cannot be read: {error.strerror}"]) from None


def read_settings(**overrides: object) -> Settings:
    """Like load_settings, whatever else is given with our prefix.

    Raises:
        SettingsError: A value cannot be used.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_problems(error)) from None


def _problems(error: ValidationError) -> list[str]:
    problems = []
    for detail in error.errors(include_url=False):
        variable = f"{ENV_PREFIX}{str(detail['loc'][0]).upper()}"
        expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        given = "" if variable.endswith("_URL") else f" is {detail['input']!r}:"
        problems.append(f"{variable}{given} should be {expected.removeprefix('expected ')}")
    return problems
