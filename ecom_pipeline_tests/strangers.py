"""Other users of the machine, and what they can do."""

import os
from collections.abc import Callable
from typing import Final

import pytest

STRANGER: Final = 54_321
"""The number of an account that owns nothing."""

AS_ROOT: Final = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users")


def outcome_as(user: int, act: Callable[[], object]) -> str:
    """What comes of something that another user does: its result or its error, as text.

    It is done by a copy of this process, for the interpreter itself may be in root's own directory.
    """
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            told = repr(act())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(writer, told.encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told
