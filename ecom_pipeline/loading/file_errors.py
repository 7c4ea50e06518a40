"""Errors of files that cannot be loaded as they are; each message says what to do."""

from typing import Final

_PACKED: Final = {".gz": " packed by gzip", ".zst": " packed by zstd"}


class IngestError(ValueError):
    """Files cannot be loaded as they are; the message says what to do."""


class UnreadableFile(IngestError):
    """A file is damaged or cut off, or is not what its ending says."""

    def __init__(self, file: str) -> None:
        self.file = file
        name, dot, last = file.rpartition(".")
        packed = _PACKED.get((dot + last).lower(), "")
        form = "Parquet" if (name if packed else file).lower().endswith(".parquet") else "CSV"
        super().__init__(
            f"{file} cannot be read as a {form} file{packed} with plain columns; write it again"
        )


class RefusedFile(IngestError):
    """A file would take much memory or time and give nothing, or next to nothing."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        super().__init__(f"{file} {problem}")
