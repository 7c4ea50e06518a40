"""Errors of the stores, in words that say what to do next."""


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
        super().__init__(f"{store} cannot be reached: {hint} (`ecom doctor` tells more)")


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
        super().__init__(f"migration {name} failed and was undone: {reason}")


def first_line(error: BaseException) -> str:
    """The first line of what a driver said; the others repeat the statement with its values."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
