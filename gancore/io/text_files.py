"""Files as they come: decompressed by content, decoded by their byte-order mark, refused where they are no text."""

import codecs
import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from gancore.errors import DataError

STDIN = "-"
"""The path that stands for standard input."""
_HEAD = 1 << 16  # bytes that are looked at before reading
_GZIP = b"\x1f\x8b"
_MARKS = (  # longest first: the mark of UTF-16 is the beginning of that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document: save it as CSV",
    b"BZh9": "compressed by bzip2: unpack it, or compress it by gzip",
    b"\xfd7zXZ\x00": "compressed by xz: unpack it, or compress it by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it, or compress it by gzip",
    b"ARROW1": "an Arrow file: save it as Parquet or CSV",
    b"SQLite format 3\x00": "an SQLite database: export a table of it as CSV",
    b"\x89HDF": "an HDF5 file: save the table as Parquet or CSV",
}
"""First bytes of files that are not read: what they are, and what to do."""


class Source(NamedTuple):
    """An open file. where: what it is called in messages. suffix: of its name, in lower case, without .gz.

    head: its first bytes (at most 64 KiB), decompressed. stream: all of its bytes, decompressed, from the first on.
    """

    where: str
    suffix: str
    head: bytes
    stream: io.BufferedIOBase

    @property
    def encoding(self) -> str:
        """What its byte-order mark says, or UTF-8."""
        return next((name for mark, name in _MARKS if self.head.startswith(mark)), "utf-8")

    def first_lines(self, most: int = 200) -> list[str]:
        """At most so many of its first lines, whole ones, without their ends; undecodable bytes are left out."""
        text = codecs.getincrementaldecoder(self.encoding)(errors="ignore").decode(self.head)
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        whole = lines if len(self.head) < _HEAD else lines[:-1] or lines  # the last may be cut off
        if whole and not whole[-1]:  # what stands after the last line's end
            whole = whole[:-1]
        return whole[:most]

    @property
    def newline(self) -> str:
        """What splits a table into lines, as of `io.TextIOWrapper`: carriage returns only where the first line ends so.

        Elsewhere one that stands alone is part of a cell.
        """
        text = codecs.getincrementaldecoder(self.encoding)(errors="ignore").decode(self.head)
        first = text.partition("\n")[0]
        return "" if "\r" in first.removesuffix("\r") or ("\n" not in text and "\r" in text) else "\n"

    def text(self, encoding: str = "", newline: str | None = None) -> Iterator[str]:
        """Its lines with their ends, one by one; else as `chunks`."""
        return chain.from_iterable(self.chunks(encoding, newline))

    def chunks(self, encoding: str = "", newline: str | None = None) -> Iterator[list[str]]:
        """Its lines with their ends, some at a time; only line feeds and carriage returns end one.

        newline: as of `io.TextIOWrapper`. encoding: what to take in place of UTF-8 where there is no byte-order mark.
        Raises DataError naming the first row that is not UTF-8 or holds a NUL.
        """
        marked = self.encoding
        chosen = encoding if encoding and marked == "utf-8" else marked
        errors = "surrogateescape" if chosen.startswith("utf-8") else "strict"
        lines = io.TextIOWrapper(self.stream, encoding=chosen, errors=errors, newline=newline)  # pyright: ignore
        row = 1
        try:
            while chunk := lines.readlines(_HEAD):
                self._refuse_undecoded(chunk, row)
                yield chunk
                row += len(chunk)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.where}: its byte-order mark says {chosen.upper()}, which it is not ({error.reason}): save it "
                "as UTF-8."
            ) from None
        finally:
            with suppress(ValueError):  # closed before
                lines.detach()  # the stream is closed by whoever opened it, standard input by nobody

    def _refuse_undecoded(self, chunk: list[str], row: int) -> None:
        whole = "".join(chunk)
        if "\0" not in whole and (whole.isascii() or _decoded(whole)):
            return
        number, line = next(one for one in enumerate(chunk, row) if "\0" in one[1] or not _decoded(one[1]))
        raise DataError(self._undecoded(number, line))

    def _undecoded(self, row: int, line: str) -> str:
        if "\0" in line:
            return (
                f"{self.where}: row {row} holds a NUL byte, so it is a binary file or UTF-16 without a byte-order "
                "mark: give text, saved as UTF-8."
            )
        byte = next(ord(character) - 0xDC00 for character in line if 0xDC80 <= ord(character) <= 0xDCFF)
        return (
            f"{self.where}: row {row} is not UTF-8 (byte 0x{byte:02X}); save the file as UTF-8, for example "
            "with iconv -f WINDOWS-1252 -t UTF-8, if that is what it is in."
        )


def _decoded(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Begun(io.RawIOBase):
    """A stream of which the first bytes have been read already."""

    def __init__(self, head: bytes, rest: io.BufferedIOBase):
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore
        part = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _looked_at(stream: io.BufferedIOBase) -> tuple[bytes, io.BufferedIOBase]:
    """The first bytes of a stream, and the stream from its beginning."""
    seekable = stream.seekable() and not isinstance(stream, gzip.GzipFile)
    start = stream.tell() if seekable else 0
    head = stream.read(_HEAD)
    if seekable:
        stream.seek(start)
        return head, stream
    return head, io.BufferedReader(_Begun(head, stream), _HEAD)  # pyright: ignore


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Turn whatever reading a damaged file raises inside into a DataError."""
    try:
        yield
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None


def name_of(path: str | Path) -> str:
    """What a path is called in messages."""
    return "standard input" if str(path) == STDIN else str(path)


def suffix_of(path: str | Path) -> str:
    """The suffix of a file's name in lower case, without a final .gz."""
    return Path(Path(path).name.lower().removesuffix(".gz")).suffix


@contextmanager
def opened(path: str | Path) -> Iterator[Source]:
    """Open a file, a pipe, or standard input (`-`); gzip is decompressed whatever its name.

    Raises DataError for what cannot be read and for known files that are no text.
    """
    where = name_of(path)
    with readable(where), ExitStack() as stack:
        raw = _standard_input() if str(path) == STDIN else stack.enter_context(open(path, "rb"))
        head, stream = _looked_at(raw)
        if head.startswith(_GZIP):
            head, stream = _looked_at(gzip.GzipFile(fileobj=stream))
        for begin, what in _FOREIGN.items():
            if head.startswith(begin):
                raise DataError(f"{where}: is {what}.")
        yield Source(where, suffix_of(path), head, stream)


def _standard_input() -> io.BufferedIOBase:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is not None:
        return stream
    return io.BytesIO(sys.stdin.read().encode() if sys.stdin is not None else b"")
