"""Errors of the stores, in words that say what to do next."""

from typing import Final

import psycopg2

_DATA_ERRORS: Final = "22"

# Rolled back for another's sake, short of resources, ended by an operator, lock not available.
_PASSING: Final = ("40", "53", "57", "55P03")

# Connection lost, and the server shutting down or starting up.
_AWAY: Final = ("08", "57P")


class StoreError(Exception):
    """A store did not do what it was asked to; the message names it, and no password or row.

    Attributes:
        store: Its name.
        hint: What it said.
        passing: Whether the same may succeed when tried again, as after a deadlock.
    """

    store: str
    hint: str
    passing: bool


class StoreUnavailable(StoreError):
    """A store cannot be reached, or was lost on the way; trying again later is right."""

    def __init__(self, store: str, hint: str) -> None:
        self.store = store
        self.hint = hint
        self.passing = True
        super().__init__(f"{store} cannot be reached: {hint} (`ecom doctor` shows more)")


class StoreRefused(StoreError):
    """A store answered, and what it was asked to do it did not do.

    Attributes:
        code: The store's own code, such as Postgres' SQLSTATE.
    """

    def __init__(self, store: str, hint: str, code: str | None, *, passing: bool = False) -> None:
        self.store = store
        self.hint = hint
        self.code = code
        self.passing = passing
        super().__init__(f"{store} refused: {hint}")


class MigrationFailed(Exception):
    """A file of sql/schema cannot be applied; nothing of it was kept."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"migration {name} failed and was rolled back: {reason}")


def is_away(error: psycopg2.Error) -> bool:
    """Whether an error says that the server could not be reached, or has ended the connection."""
    if error.pgcode is not None:
        return error.pgcode.startswith(_AWAY)
    return isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)


def error_of_postgres(error: psycopg2.Error, *, lost: bool) -> StoreError:
    """The text of a driver's error, without the values that it quotes.

    Args:
        error: What the driver raised.
        lost: Whether the connection is gone.
    """
    if lost:
        return StoreUnavailable("Postgres", first_line(error))
    code = error.pgcode or ""
    # What the server says of a value quotes it; of all else, only its further lines do.
    hint = type(error).__name__ if code.startswith(_DATA_ERRORS) else first_line(error)
    return StoreRefused("Postgres", hint, error.pgcode, passing=code.startswith(_PASSING))


def first_line(error: BaseException) -> str:
    """The first line of what a driver said; the others repeat the statement with its values."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
