"""Making the next item while the present one is used."""

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

_END: Final = object()


def prefetched(items: Iterable[T]) -> Generator[T, None, None]:
    """Gives the items in their order, each made by a thread while the one before it is used.

    An error while making an item is raised where the item would have been given. A consumer that
    stops early leaves one item unused, and has to close the generator.
    """
    source = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as ahead:
        following = ahead.submit(next, source, _END)
        while (item := following.result()) is not _END:
            following = ahead.submit(next, source, _END)
            yield item  # type: ignore[misc]
