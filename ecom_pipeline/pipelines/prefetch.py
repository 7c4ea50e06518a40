"""Making the next item while the present one is used."""

from collections.abc import Iterable, Iterator
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")


def prefetched(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """Gives the items in their order, produced by a thread that runs up to `depth` ahead.

    An error while producing is raised where the item would have been given. When the consumer
    stops early, so does the producer.
    """
    queue: Queue[tuple[T | None, BaseException | None, bool]] = Queue(maxsize=depth)
    abandoned = Event()

    def produce() -> None:
        try:
            for item in items:
                queue.put((item, None, False))
                if abandoned.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            queue.put((None, error, True))
        else:
            queue.put((None, None, True))

    producer = Thread(target=produce, name="prefetch", daemon=True)
    producer.start()
    try:
        while True:
            item, error, last = queue.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]
    finally:
        abandoned.set()
        while producer.is_alive():  # a producer that waits for room must be let go
            while not queue.empty():
                queue.get_nowait()
            producer.join(timeout=0.01)
