"""Files as they come: formats, byte order marks, delimiters, damage."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from personalization.importing import readers
from personalization.importing.rows import Row, UnreadableError
from tests.personalization.importing_support import write_csv, write_json_lines


def test_csv_rows_carry_the_line_they_begin_at(tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text('external_id,city\n1,"two\nlines"\n2,Bonn\n')

    rows = list(readers.read(file))

    assert rows == [
        Row(line=2, values={"external_id": "1", "city": "two\nlines"}),
        Row(line=4, values={"external_id": "2", "city": "Bonn"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiter_is_found_and_a_byte_order_mark_ignored(
    tmp_path: Path, delimiter: str
) -> None:
    file = tmp_path / "customers.csv"
    header, row = delimiter.join(["external_id", "city"]), delimiter.join(["1", "Köln"])
    file.write_bytes(b"\xef\xbb\xbf" + f"{header}\r\n{row}\r\n".encode())

    rows = list(readers.read(file))

    assert rows == [Row(line=2, values={"external_id": "1", "city": "Köln"})]


@pytest.mark.parametrize("above", ["sep=;", "SEP=; "])
def test_what_excel_says_of_the_delimiter_is_no_header(tmp_path: Path, above: str) -> None:
    file = tmp_path / "customers.csv"
    # By its commas alone the header would fall into three.
    lines = [above, 'external_id;"city, land, planet"', "1;Köln"]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())

    rows = list(readers.read(file))

    assert readers.columns(file) == ["external_id", "city, land, planet"]
    assert rows == [Row(line=3, values={"external_id": "1", "city, land, planet": "Köln"})]


def test_csv_with_nothing_but_its_delimiter_has_no_header(tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("sep=;\r\n")

    with pytest.raises(UnreadableError, match="has no header"):
        list(readers.read(file))


def test_csv_line_with_too_many_cells_or_a_stray_quote_is_a_fault_of_that_line_only(
    tmp_path: Path,
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text('external_id,city\n1,a,b\n2,"x"y\n3,Bonn\n')

    rows = list(readers.read(file))

    assert [row.line for row in rows] == [2, 3, 4]
    assert "3 cells where the header has 2" in rows[0].fault
    assert "not CSV" in rows[1].fault
    assert rows[2].values == {"external_id": "3", "city": "Bonn"}


def test_gzip_is_told_by_its_bytes_whatever_the_name(tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes(gzip.compress(b"external_id\n1\n"))

    rows = list(readers.read(file))

    assert rows == [Row(line=2, values={"external_id": "1"})]


def test_truncated_gzip_gives_its_good_rows_and_then_says_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl.gz"
    write_json_lines(file, *({"message_id": f"{n * 7919:x}"} for n in range(20_000)))
    file.write_bytes(file.read_bytes()[:-2000])
    rows = readers.read(file)

    first = next(rows)

    assert first == Row(line=1, values={"message_id": "0"})
    with pytest.raises(UnreadableError, match="cut-off gzip"):
        list(rows)


def test_json_lines_report_a_bad_line_and_go_on(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}\n\n{"a": \n[1]\n{"a": 2}\n')

    rows = list(readers.read(file))

    assert [(row.line, row.values) for row in rows if not row.fault] == [
        (1, {"a": 1}),
        (5, {"a": 2}),
    ]
    assert [(row.line, row.fault.split(":")[0]) for row in rows if row.fault] == [
        (3, "is not JSON"),
        (4, "is not a JSON object"),
    ]


def test_parquet_keeps_types_and_counts_rows(tmp_path: Path) -> None:
    file = tmp_path / "products.parquet"
    pq.write_table(pa.table({"product_id": ["a", "b"], "price": [1.5, None]}), file)

    rows = list(readers.read(file))

    assert rows == [
        Row(line=1, values={"product_id": "a", "price": 1.5}),
        Row(line=2, values={"product_id": "b", "price": None}),
    ]
    assert readers.expected(file) == 2
    assert readers.columns(file) == ["product_id", "price"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "no header"),
        ("a.csv", b"id,id\n1,2\n", "'id' twice"),
        ("a.csv", "id\n1\n".encode("utf-16"), "UTF-16"),
        ("a.csv", "größe\n1\n".encode("latin-1"), "header that is not UTF-8"),
        ("a.jsonl", b'[{"id": 1}]', "one JSON array"),
        ("a.parquet", b"PAR1 and then nothing", "not a whole Parquet file"),
        ("a.xlsx", b"PK", "no format we read"),
    ],
)
def test_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(UnreadableError, match=message):
        list(readers.read(file))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"gone\.csv cannot be read: No such file"):
        list(readers.read(tmp_path / "gone.csv"))


def test_mapping_renames_columns(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "kunden.csv", {"Kundennummer": "7", "city": "Bonn"})

    rows = list(readers.read(file, mapping={"Kundennummer": "external_id"}))

    assert rows == [Row(line=2, values={"external_id": "7", "city": "Bonn"})]


def test_find_picks_the_one_file_of_a_stem(tmp_path: Path) -> None:
    wanted = write_json_lines(tmp_path / "events.jsonl.gz", {"a": 1})
    (tmp_path / "events.csv.rejected.csv").touch()

    assert readers.find(tmp_path, stem="events") == wanted
    assert readers.find(tmp_path, stem="products") is None

    (tmp_path / "events.csv").touch()
    with pytest.raises(UnreadableError, match=r"events\.csv, events\.jsonl\.gz"):
        readers.find(tmp_path, stem="events")
