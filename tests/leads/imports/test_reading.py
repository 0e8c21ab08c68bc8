"""Bad-input rows 56 to 62: what is no list is refused in words, before it is read whole."""

from collections.abc import Iterator

import pytest

from leads.imports import reading
from leads.imports.layouts import find_layout
from leads.imports.reading import Format, NotReadable, Probe, Row, first_rows, read_rows, sniff_delimiter


def probe(*blocks: bytes) -> Format:
    looked = Probe()
    for block in blocks:
        looked.feed(block)
    encoding = looked.encoding()
    return Format(encoding, sniff_delimiter(looked.head, encoding))


def read(data: bytes) -> list[Row]:
    return list(read_rows([data], probe(data)))


TEXT = "Name;Größe\r\nJürgen;“5”\r\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode("utf-8"), "utf-8-sig"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig"),
        (TEXT.encode("cp1252"), "cp1252"),
        (TEXT.encode("utf-16"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_encoding_is_detected_and_no_letter_lost(data: bytes, encoding: str) -> None:
    assert probe(data) == Format(encoding, ";")
    assert read(data) == [(1, ["Name", "Größe"]), (2, ["Jürgen", "“5”"])]


def test_encoding_is_found_across_blocks() -> None:
    data = b"a,b\n" + "ä,ö\n".encode() * 3

    assert probe(data[:5], data[5:8], data[8:]).encoding == "utf-8-sig"


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        ("a,b\nä,ö\n".encode() + b"\xfc,x\n", "mixed_encoding", "byte 10"),
        (b"a,b\n\x81\xff,\x90\n", "unknown_encoding", "byte 4"),
        (b"PK\x03\x04" + b"\0" * 30, "not_csv", "Excel workbook"),
        (b"\x89PNG\r\n\x1a\n", "not_csv", "picture"),
        (b"%PDF-1.7", "not_csv", "PDF"),
        (b"\x1f\x8b\x08", "not_csv", "compressed"),
        (bytes(range(1, 32)) * 20, "not_csv", "binary"),
    ],
)
def test_other_files_are_refused_by_their_content(data: bytes, code: str, said: str) -> None:
    with pytest.raises(NotReadable, match=said) as refused:
        probe(data)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b;c\n1,2\n3,4\n", ","),
        ("a;b\n1,5;2\n2,5;3\n", ";"),
        ("a\tb\n1\t2,5\n", "\t"),
        ('"x, y";b\n"1, 2";3\n', ";"),
        ("sep=;\na;b\n", ";"),
        ("email\na@x.test\n", ","),
    ],
)
def test_delimiter_is_sniffed(text: str, delimiter: str) -> None:
    assert sniff_delimiter(text.encode(), "utf-8-sig") == delimiter


def test_rows_are_numbered_by_the_line_where_they_begin() -> None:
    data = b'sep=,\r\na,b\r\n\r\n"1\r\n2",x\n3,y\r4,z'

    assert read(data) == [(2, ["a", "b"]), (4, ["1\r\n2", "x"]), (6, ["3", "y"]), (7, ["4", "z"])]


def test_a_row_inside_one_pair_of_quotes_is_taken_apart() -> None:
    assert read(b'a,b\n"1,""x, y"""\n2,z\n') == [(1, ["a", "b"]), (2, ["1", "x, y"]), (3, ["2", "z"])]


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b'a,b\n1,"2\n3,4\n', "unclosed_quote", "line 2"),
        (b'a,b\n1,"2\n', "unclosed_quote", "line 2"),
        (b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 500, "unclosed_quote", "line 3"),
        (b'a,b\n1,"' + b"x,y\n" * 60_000, "unclosed_quote", "line 2"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "bad_csv", "field limit"),
        (b"a,b\n" + b"," * 999 + b"\n", "too_many_columns", "line 2|Line 2"),
        (b"a,b " * 400_000, "line_too_long", "Line 1"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(data: bytes, code: str, said: str) -> None:
    with pytest.raises(NotReadable, match=said) as refused:
        read(data)

    assert refused.value.code == code


def test_a_large_file_is_refused_before_it_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 10_000)
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"a,b\n" * 1000

    with pytest.raises(NotReadable, match="larger"):
        probe(*iter_until_refused(blocks()))

    assert taken <= 4


def iter_until_refused(blocks: Iterator[bytes]) -> Iterator[bytes]:
    looked = Probe()
    for block in blocks:
        looked.feed(block)
        yield block


def test_a_stray_quote_does_no_harm() -> None:
    assert read(b'a,b\n1,5" pipe\n2,x\n') == [(1, ["a", "b"]), (2, ["1", '5" pipe']), (3, ["2", "x"])]


def test_first_rows_stream() -> None:
    def endless() -> Iterator[bytes]:
        yield b"a,b\n"
        while True:
            yield b"1,2\n" * 100

    assert first_rows(endless(), Format("utf-8-sig", ","), 2) == [(1, ["a", "b"]), (2, ["1", "2"])]


GOTOWEBINAR = b"""Generated,"May 17, 2012 09:46 AM PDT"
General Information
Webinar Name,Webinar ID,Actual Start Date/Time,Duration
"Scoring, live",123-456-789,"May 15, 2012 08:00 AM EDT",60 minutes
Session Details
Attended,,Interest Rating,First Name,Last Name,Email,Registration Date,Join Time,Leave Time,In Session Duration* (minutes),Country,Industry,Organization,Unsubscribed,Questions Asked by Attendee
Yes,,55,Ada,L,ada@acme.test,"May 10, 2012 08:19 AM EDT","May 15, 2012 08:01 AM EDT","May 15, 2012 08:59 AM EDT",58,Germany,Software,Acme,No,How much?
"""


def test_layout_below_a_preamble_is_found_with_its_facts() -> None:
    layout = find_layout(read(GOTOWEBINAR))

    assert (layout.name, layout.header_line, layout.topic) == ("gotowebinar", 6, "Scoring, live")
    assert layout.started == "May 15, 2012 08:00 AM EDT"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", "no_rows", "empty"),
        ("Email,Name,email \na@x.test,A,b@x.test\n", "duplicate_headers", "email"),
        ("ada@acme.test,Ada\nbo@acme.test,Bo\n", "no_header", "names the columns"),
    ],
)
def test_a_header_that_cannot_serve_is_refused(text: str, code: str, said: str) -> None:
    with pytest.raises(NotReadable, match=said) as refused:
        find_layout(read(text.encode()))

    assert refused.value.code == code


def test_layout_of_unknown_headers_is_the_first_row() -> None:
    layout = find_layout(read("色,音\n1,2\n".encode()))

    assert (layout.name, layout.header_line, layout.headers) == ("plain", 1, ["色", "音"])
