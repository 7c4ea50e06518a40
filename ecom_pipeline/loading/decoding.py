"""The bytes of a file: unpacked as a stream, and text of any encoding as UTF-8."""

import codecs
import io
import os
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import pyarrow as pa

from ecom_pipeline.loading.batches import TooLarge

PACKED: Final = {".gz": "gzip", ".zst": "zstd"}
"""How files are packed, by the last part of their names."""
ALWAYS_READ_BYTES: Final = 1 << 30
MOST_UNPACKED: Final = 1_000
"""A packed file is refused beyond as many bytes, and as many times its own size."""

ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "iso8859-1": "Latin-1",
    "iso8859-2": "ISO 8859-2",
    "iso8859-15": "ISO 8859-15",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1252": "Windows-1252",
    "cp932": "Shift JIS",
    "shift_jis": "Shift JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB 18030",
    "big5": "Big5",
}
"""Encodings that are read, by Python's names, and what people call them."""

_PIECE_BYTES: Final = 1 << 20
_BUFFER_BYTES: Final = 1 << 20
_MOST_LOOKED_AT: Final = 64 << 20
"""Bytes in which the first one is looked for that is not ASCII."""
_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_WIDE: Final = {"utf-16-le": 1, "utf-16-be": 0}
"""Which of two bytes is NUL where the character is ASCII."""
_LOOKED_AT_FOR_NUL: Final = 1_000
_SEVERAL_BYTES: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HALF_A_CHARACTER: Final = b"\xff"


def encoding_named(name: str) -> str | None:
    """Python's name of an encoding; None if it is not supported."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    found = "utf-8" if found == "utf-8-sig" else found
    return found if found in ENCODINGS else None


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file to be read, unpacked where its name says that it is packed.

    Reading it raises an OSError where the packed data are damaged or cut off, and `TooLarge`
    where they unpack to far more than their size.

    Raises:
        OSError: It cannot be opened, or is no regular file: a pipe would never end.
    """
    # The first look keeps a device from being opened, which may do something; the second one is
    # at what was opened.
    _refuse_irregular(path.stat().st_mode)
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    try:
        found = os.fstat(file.fileno())
        _refuse_irregular(found.st_mode)
    except OSError:
        file.close()
        raise
    codec = PACKED.get(path.suffix.lower())
    if codec is None:
        return file
    return _buffered(_Unpacked(file, codec, found.st_size))


def _refuse_irregular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError


def find_encoding(file: BinaryIO) -> str:
    """Looks at the first bytes of a file, and at the first that are not ASCII.

    Bytes that are no UTF-8 are Windows-1252 where that knows all of them and none of them are
    UTF-8; the printable characters of Latin-1 are the same there. Otherwise the text is UTF-8,
    some of it damaged, or of an encoding that cannot be told, which then costs records rather
    than letters.
    """
    piece = file.read(_PIECE_BYTES)
    for mark, encoding in _MARKS.items():
        if piece.startswith(mark):
            return encoding
    if (wide := _wide_encoding(piece)) is not None:
        return wide
    looked_at = len(piece)
    while piece and piece.isascii() and looked_at < _MOST_LOOKED_AT:
        piece = file.read(_PIECE_BYTES)
        looked_at += len(piece)
    try:
        # The last character may go on in what was not read.
        codecs.getincrementaldecoder("utf-8")().decode(piece, final=len(piece) < _PIECE_BYTES)
    except UnicodeDecodeError:
        return "cp1252" if _SEVERAL_BYTES.search(piece) is None and _is_cp1252(piece) else "utf-8"
    return "utf-8"


def _is_cp1252(data: bytes) -> bool:
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return True


def find_byte_order(file: BinaryIO) -> str:
    """Of a file in UTF-16, which of a character's bytes comes first; the lower one in doubt."""
    start = file.read(_LOOKED_AT_FOR_NUL)
    found = _MARKS.get(start[:2]) or _wide_encoding(start)
    return found or "utf-16-le"


def _wide_encoding(data: bytes) -> str | None:
    """The encoding in which every second byte of most characters is NUL, if it is so here."""
    data = data[:_LOOKED_AT_FOR_NUL]
    for encoding, half in _WIDE.items():
        zeros, others = data[half::2].count(0), data[1 - half :: 2].count(0)
        if zeros > len(data) // 4 and zeros > 10 * others:
            return encoding
    return None


def utf8_text(file: BinaryIO, encoding: str, *, lone_returns: bool = False) -> BinaryIO:
    """A file's text as UTF-8, without a byte order mark; closing it closes the file.

    What is no text in its encoding becomes bytes that are no UTF-8.

    Args:
        file: What `open_bytes` gives.
        encoding: One of the encodings, with the byte order.
        lone_returns: Whether lines end with a carriage return alone; they then end as others do.
    """
    if encoding != "utf-8" or lone_returns:
        file = _buffered(_Transcoded(file, encoding, lone_returns=lone_returns))
    buffered = cast(io.BufferedReader, file)
    if buffered.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
        file.read(len(codecs.BOM_UTF8))
    return file


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return io.BufferedReader(raw, _BUFFER_BYTES)


class _Pieces(io.RawIOBase):
    """A stream that is made piece by piece from another."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ready = memoryview(b"")
        self._at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        filled = 0
        # Filled to its end, for a piece may be less than what a byte order mark is told by.
        while filled < len(buffer) and (self._ready or not self._at_end):
            if not self._ready:
                piece, self._at_end = self._next()
                self._ready = memoryview(piece)
            size = min(len(buffer) - filled, len(self._ready))
            buffer[filled : filled + size] = self._ready[:size]
            self._ready = self._ready[size:]
            filled += size
        return filled

    def close(self) -> None:
        self._file.close()
        super().close()

    def _next(self) -> tuple[bytes, bool]:
        """The next piece, and whether it is the last."""
        raise NotImplementedError


class _Unpacked(_Pieces):
    """What was packed, of which no more is unpacked than is worth its size."""

    def __init__(self, file: BinaryIO, codec: str, size: int) -> None:
        super().__init__(file)
        # Reads several members, one after the other, and finds what is cut off or was changed.
        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)
        self._size = size
        self._read = 0

    def _next(self) -> tuple[bytes, bool]:
        piece = self._stream.read(_PIECE_BYTES)
        self._read += len(piece)
        if self._read > max(MOST_UNPACKED * self._size, ALWAYS_READ_BYTES):
            raise TooLarge(
                f"unpacks to more than {self._read >> 20:,} MB from {self._size:,} bytes"
            )
        return piece, not piece


class _Transcoded(_Pieces):
    """Text of another encoding as UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str, *, lone_returns: bool) -> None:
        super().__init__(file)
        self._is_utf8 = encoding == "utf-8"
        # Either way what cannot be decoded becomes half of a surrogate pair, and that, written as
        # if it were a character, is no UTF-8.
        errors = "surrogatepass" if encoding in _WIDE else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._lone_returns = lone_returns

    def _next(self) -> tuple[bytes, bool]:
        piece = self._file.read(_PIECE_BYTES)
        at_end = not piece
        if not self._is_utf8:
            piece = self._as_utf8(piece, at_end=at_end)
        return piece.replace(b"\r", b"\n") if self._lone_returns else piece, at_end

    def _as_utf8(self, piece: bytes, *, at_end: bool) -> bytes:
        try:
            text = self._decoder.decode(piece, at_end)
        except UnicodeDecodeError:
            return _HALF_A_CHARACTER  # the file ends within one
        return text.encode(errors="surrogatepass")
