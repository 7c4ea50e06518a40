"""All analytics tables, in the order in which they are refreshed: one per file of sql/analytics."""

from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from ecom_pipeline.analytics.table_file import SCHEMA, Refresh, TableFile, read_table_file
from ecom_pipeline.database.queries import sql_directory


class UnknownTable(KeyError):
    """No analytics table has that name; the message lists the names."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(name)

    def __str__(self) -> str:
        return f"no analytics table {self.name!r}; choose from {', '.join(self.known)}"


class Catalog(Mapping[str, TableFile]):
    """Tables by name, each after those that it depends on."""

    def __init__(self, tables: Mapping[str, TableFile]) -> None:
        order = TopologicalSorter(
            {name: sorted(_own(tables[name].depends_on)) for name in sorted(tables)}
        ).static_order()
        self._tables = {name: tables[name] for name in order if name in tables}

    def __getitem__(self, name: str) -> TableFile:
        try:
            return self._tables[name]
        except KeyError:
            raise UnknownTable(name, tuple(self)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def refreshed(self, *modes: Refresh) -> tuple[TableFile, ...]:
        """The tables of these modes, in order."""
        return tuple(table for table in self.values() if table.refresh in modes)

    def kept_with(self, name: str) -> tuple[TableFile, ...]:
        """The tables that are refreshed in the transaction of the named one, before it."""
        return tuple(table for table in self.values() if table.kept_with == name)

    def upstream(self, name: str) -> tuple[str, ...]:
        """What must be up to date before the named table is refreshed, with schemas.

        A table that is kept with another stands for that one, and its own needs are inherited.
        """
        keeper = self[name].kept_with or name
        needed: dict[str, None] = {}
        for relation in self[name].depends_on:
            own = self._tables.get(relation.removeprefix(f"{SCHEMA}."))
            if own is None or own.relation != relation:
                needed[relation] = None
            elif own.kept_with == keeper:
                needed.update(dict.fromkeys(self.upstream(own.name)))
            else:
                needed[f"{SCHEMA}.{own.kept_with or own.name}"] = None
        return tuple(needed)


def load_catalog(directory: Path) -> Catalog:
    """Reads all files of a directory.

    Raises:
        InvalidTableFile: A file does not say what it must.
    """
    files = (read_table_file(path) for path in sorted(directory.glob("*.sql")))
    return Catalog({file.name: file for file in files})


@cache
def catalog() -> Catalog:
    """The tables of sql/analytics."""
    return load_catalog(sql_directory() / "analytics")


def _own(relations: tuple[str, ...]) -> Iterator[str]:
    return (name for schema, _, name in (r.partition(".") for r in relations) if schema == SCHEMA)
