"""From the bytes of an uploaded file to numbered rows of cells, streaming and under caps."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

MAX_BYTES = 150 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_COLUMNS = 300
MAX_LINE = 1024 * 1024
# A cell with line breaks is an address or a note; one over more lines is a quote somebody forgot to close.
MAX_LINES_OF_A_ROW = 100
SAMPLE = 64 * 1024
ENCODINGS = ("utf-8-sig", "utf-16", "cp1252")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}

# Bytes that stand for nothing in cp1252.
_NOT_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")

Row = tuple[int, list[str]]  # the line where it begins, as an editor shows it, and its cells

_MAGIC = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
    b"{\\rtf": "a text document",
    b"SQLite format 3": "a database",
}


class NotReadable(ValueError):
    """The file cannot be imported. The message says to people why and, where it can, in which line."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Format:
    """How the bytes become cells."""

    encoding: str
    delimiter: str


class Probe:
    """Looks at all bytes of a file as they pass and tells how they are encoded."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._pending = b""  # the beginning of a character whose end is in the next block
        self._bad_at: int | None = None
        self._beyond_ascii = 0  # characters that were valid UTF-8 beyond ASCII
        self._not_windows_at: int | None = None

    def feed(self, block: bytes) -> None:
        """Take the next bytes; raises NotReadable as soon as it is clear that this is no CSV file."""
        if self.size == 0:
            _refuse_other_kinds(block)
        if len(self._head) < SAMPLE:
            self._head += block[: SAMPLE - len(self._head)]
        if self._bad_at is None and not self._is_utf16:
            self._check_utf8(block)
        if self._not_windows_at is None and (unknown := _NOT_WINDOWS.search(block)):
            self._not_windows_at = self.size + unknown.start()
        self.size += len(block)
        if self.size > MAX_BYTES:
            raise too_large()

    def _check_utf8(self, block: bytes) -> None:
        start = self.size - len(self._pending)
        try:
            text = self._utf8.decode(block)
        except UnicodeDecodeError as error:
            self._bad_at = start + error.start
            self._beyond_ascii += sum(byte >= 0xC3 for byte in error.object[: error.start])
        else:
            self._beyond_ascii += not text.isascii()
            self._pending = self._utf8.getstate()[0]

    @property
    def _is_utf16(self) -> bool:
        head = self._head[:200]
        return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or head.count(0) > len(head) / 4

    def encoding(self) -> str:
        """Return the encoding; raises NotReadable, with the byte, where the file mixes several."""
        if self._is_utf16:
            return _utf16(self._head)
        if self._bad_at is None and self._pending:
            self._bad_at = self.size - len(self._pending)
        if self._bad_at is None:
            return "utf-8-sig"
        if self._beyond_ascii:
            raise NotReadable(
                "mixed_encoding",
                f"The file is UTF-8 up to byte {self._bad_at} and something else there. Save it again as UTF-8.",
            )
        if self._not_windows_at is not None:
            raise NotReadable(
                "unknown_encoding",
                f"The file is neither UTF-8 nor Windows text, see byte {self._not_windows_at}. Save it again as UTF-8.",
            )
        return "cp1252"

    @property
    def head(self) -> bytes:
        return self._head


def too_large() -> NotReadable:
    """Return the refusal of a file over the cap."""
    return NotReadable(
        "too_large", f"The file is larger than {MAX_BYTES // 2**20} MB. Split it and import the parts."
    )


def _refuse_other_kinds(block: bytes) -> None:
    kind = next((name for magic, name in _MAGIC.items() if block.startswith(magic)), "")
    if kind:
        hint = " Save it as CSV and upload that." if "Excel" in kind else ""
        raise NotReadable("not_csv", f"This is not a CSV file but {kind}.{hint}")
    utf16 = block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or block[:200].count(0) > 50
    controls = sum(byte < 9 or 13 < byte < 32 for byte in block[:4096]) - block[:4096].count(0)
    if not utf16 and controls > len(block[:4096]) / 20:
        raise NotReadable("not_csv", "This is not a CSV file: it holds binary data.")


def _utf16(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Latin letters leave every other byte zero; which one tells the order.
    return "utf-16-le" if head[1:200:2].count(0) > head[0:200:2].count(0) else "utf-16-be"


def sniff_delimiter(head: bytes, encoding: str) -> str:
    """Return the character between the cells: the one that stands oftenest, and evenly, in the first lines."""
    text = head.decode(encoding, "ignore")
    if named := re.match(r"\ufeff?sep=(.)\r?\n", text):
        return named[1]
    lines = [_outside_quotes(line) for line in text.splitlines()[:50] if line.strip()]
    counts = {char: [line.count(char) for line in lines] for char in DELIMITERS}

    def steadiness(char: str) -> tuple[int, int]:
        # Lines that agree on how many cells they have; more cells count for more.
        often = Counter(count for count in counts[char] if count).most_common(1)
        return (often[0][1] * min(often[0][0], 5), often[0][0]) if often else (0, 0)

    return max(DELIMITERS, key=steadiness)


def _outside_quotes(line: str) -> str:
    stripped = re.sub(r'"[^"]*"', "", line)
    # A whole row inside one pair of quotes has its delimiters there.
    return stripped if stripped.strip() else line


class _Parts(io.RawIOBase):
    """A file made of blocks of bytes that come one after the other."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = block
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class _Lines:
    """The lines of a text, kept until the row they belong to is complete."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self.number = 0
        self.of_row: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= MAX_LINE:
            raise NotReadable("line_too_long", f"Line {self.number} is longer than a line of a list can be.")
        self.of_row.append(line)
        return line


def read_rows(blocks: Iterable[bytes], form: Format) -> Iterator[Row]:
    """Give the rows that hold anything, streaming; raises NotReadable with the line where the file breaks."""
    text = io.TextIOWrapper(io.BufferedReader(_Parts(blocks), 2**16), encoding=form.encoding, newline="")
    lines = _Lines(text)
    start = 1
    try:
        for cells in csv.reader(lines, delimiter=form.delimiter):
            number, start = start, lines.number + 1
            if start - number > MAX_LINES_OF_A_ROW:
                raise _unclosed(number)
            if len(lines.of_row) > 1 or lines.of_row[0].count('"') % 2:
                _check_closed(lines.of_row, form, number)
            lines.of_row.clear()
            if len(cells) > MAX_COLUMNS:
                raise NotReadable("too_many_columns", f"Line {number} has over {MAX_COLUMNS} columns.")
            if len(cells) == 1 and form.delimiter in cells[0]:
                cells = _unwrapped(cells[0], form)
            if any(cells) and not (number == 1 and cells[0].startswith("sep=")):
                yield number, cells
    except csv.Error as error:
        if "field limit" in str(error) and len(lines.of_row) > 1:
            raise _unclosed(start) from error
        raise NotReadable("bad_csv", f"Line {start} cannot be read: {error}.") from error
    except UnicodeError as error:
        raise NotReadable(
            "bad_encoding", f"Line {lines.number + 1} is not {form.encoding}: {error}."
        ) from error


def _check_closed(lines: list[str], form: Format, number: int) -> None:
    """Refuse a row that ends with the file, inside a quote."""
    try:
        list(csv.reader(lines, delimiter=form.delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise _unclosed(number) from error


def _unclosed(number: int) -> NotReadable:
    return NotReadable("unclosed_quote", f"A quote opened in line {number} is never closed.")


def _unwrapped(cell: str, form: Format) -> list[str]:
    """Take apart a row that stands as a whole inside one pair of quotes."""
    return next(csv.reader(io.StringIO(cell), delimiter=form.delimiter), [cell])


def first_rows(blocks: Iterable[bytes], form: Format, count: int) -> list[Row]:
    """Return up to `count` rows from the beginning."""
    return list(islice(read_rows(blocks, form), count))
