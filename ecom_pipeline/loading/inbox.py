"""The inbox: a directory whose files are loaded as they arrive, each once.

Its files are looked at as often as one likes; who loads takes turns, and Postgres remembers what
was loaded, so that neither a restart nor a second machine loads anything twice. Nothing in the
directory is moved or deleted, and all of it is loaded each time: the files of one export belong
together, and those that were loaded before change nothing.
"""

import hashlib
import json
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.loading.contract import CONTRACT, ORDER_ITEMS, ORDERS
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.loading.mapping_file import Mapping, find_mapping
from ecom_pipeline.loading.raw_files import is_of
from ecom_pipeline.loading.table_files import ENDINGS, stem_of
from ecom_pipeline.models.printable import printable

_OF_CONTRACT: Final = frozenset(f"{source.name}{form}" for source in CONTRACT for form in ENDINGS)
_DIGEST_LETTERS: Final = 32


class InboxUnusable(IngestError):
    """Nothing of an inbox is read while it is as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """A file of an inbox, as it was looked at.

    Attributes:
        name: Its name.
        size_in_bytes: Its size.
        modified_ns: When its contents were modified, in nanoseconds since 1970.
        changed_ns: When it was changed in any way, which no program can set back.
    """

    name: str
    size_in_bytes: int
    modified_ns: int
    changed_ns: int

    @property
    def printable_name(self) -> str:
        """Its name, made safe to show and to keep."""
        return printable(self.name)


@dataclass(frozen=True, slots=True)
class Inbox:
    """A directory, and how its files are read.

    Attributes:
        directory: Where it is.
        mapping: What makes files of the contract from those that arrive; None where they are some.
    """

    directory: Path
    mapping: Mapping | None = None

    @property
    def mapping_digest(self) -> str:
        """SHA-256 of the mapping; empty without one."""
        return hashlib.sha256(repr(self.mapping).encode()).hexdigest() if self.mapping else ""

    def look(self) -> tuple[ArrivedFile, ...]:
        """The files that a load would read, by name; what else lies there is left alone.

        Raises:
            InboxUnusable: The directory is not there or cannot be read, or one of these files is
                a link that leads out of it.
        """
        directory = self.directory.resolve()
        try:
            names = sorted(path.name for path in directory.iterdir())
            looked_at = [self._look_at(directory, name) for name in names if self._reads(name)]
        except OSError as error:
            raise InboxUnusable(
                f"the inbox {self.directory} cannot be read: {error.strerror}; make it a"
                " readable directory, or set ECOM_INBOX to another"
            ) from None
        return tuple(file for file in looked_at if file is not None)

    def arrival(self, files: Sequence[ArrivedFile]) -> str:
        """A digest that identifies the files in their present state."""
        state = [str(self.directory), self.mapping_digest, *map(asdict, files)]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:_DIGEST_LETTERS]

    def missing(self, files: Sequence[ArrivedFile]) -> str | None:
        """What has to arrive before these files can be loaded; None where they can be tried.

        It goes by names and opens no file.
        """
        if self.mapping is not None:
            missing = [
                " or ".join(view.files)
                for view in self.mapping.views
                if view.required and not any(is_of(view, file.name) for file in files)
            ]
            return f"none is named {' and none '.join(missing)}" if missing else None
        found = {stem_of(file.name) for file in files}
        half = found & {ORDERS.name, ORDER_ITEMS.name}
        if len(half) == 1:
            (other,) = {ORDERS.name, ORDER_ITEMS.name} - half
            return f"{other} are missing; orders and their items are loaded together"
        return None

    def _reads(self, name: str) -> bool:
        if self.mapping is None:
            return name in _OF_CONTRACT
        return any(is_of(view, name) for view in self.mapping.views)

    def _look_at(self, directory: Path, name: str) -> ArrivedFile | None:
        """The state of a file; None if it does not exist or is not a file.

        Raises:
            InboxUnusable: It is a link that leads out of the directory.
        """
        path = directory / name
        try:
            if path.is_symlink():
                if self.mapping is not None:
                    return None  # a mapping reads no links at all
                _refuse_leading_out(path, directory)
            facts = path.stat()
        except (FileNotFoundError, RuntimeError):
            return None  # gone since, or a link to nothing or to itself
        if not stat.S_ISREG(facts.st_mode):
            return None
        return ArrivedFile(name, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def inbox_of(settings: Settings) -> Inbox | None:
    """The inbox that the settings name; None where they name none.

    Raises:
        InboxUnusable: Its mapping cannot be used.
    """
    if settings.inbox is None:
        return None
    try:
        mapping = find_mapping(settings.mapping) if settings.mapping else None
    except IngestError as error:
        raise InboxUnusable(f"{error}; ECOM_MAPPING names it") from None
    return Inbox(settings.inbox, mapping)


def _refuse_leading_out(path: Path, directory: Path) -> None:
    if not path.resolve(strict=True).is_relative_to(directory):
        raise InboxUnusable(
            f"{printable(path.name)} is a symbolic link that leads out of the inbox, so"
            " nothing is loaded; put the file itself there"
        )
