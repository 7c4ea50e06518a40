"""Errors of the stores, in words that say what to do next."""


class StoreUnavailable(Exception):
    """A store cannot be reached; the message names it and never holds a password."""

    def __init__(self, store: str, hint: str) -> None:
        self.store = store
        self.hint = hint
        super().__init__(f"{store} cannot be reached: {hint} (`ecom doctor` tells more)")


class MigrationFailed(Exception):
    """A file of sql/schema cannot be applied; nothing of it was kept."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"migration {name} failed and was undone: {reason}")


def first_line(error: BaseException) -> str:
    """The first line of what a driver said; the others repeat the statement with its values."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
