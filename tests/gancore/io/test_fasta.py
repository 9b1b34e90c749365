import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gancore.errors import DataError
from gancore.io.fasta import fasta_lines, looks_like_fasta, read_fasta
from gancore.io.tables import records
from gancore.io.text_files import Source
from seqgan.data.corpus import FORM, read_lines

ODD = b"""; a comment of old
>sp|P01|FIRST first protein
MKV
LLA

mkw
>second
>third \t with tab
MK VL\r
  AA*
>
G-X.
"""


def test_records_of_a_file_made_by_hand(tmp_path):
    path = tmp_path / "odd.faa"
    path.write_bytes(ODD)
    assert list(read_lines(path)) == [(2, "MKVLLAmkw"), (7, ""), (8, "MKVLAA*"), (11, "G-X.")]
    assert [name for _, _, name, _ in records(path, FORM)] == [
        "sp|P01|FIRST first protein",
        "second",
        "third \t with tab",
        "",
    ]


@pytest.mark.parametrize("name", ["odd.fasta", "odd.fa.gz", "odd.FAS", "odd"])
def test_every_name_and_compression(tmp_path, name):
    path = tmp_path / name
    whole = ODD.split(b"\n", 1)[1] if name == "odd" else ODD  # a file without a suffix is known by its first line
    whole = whole.replace(b" VL\r", b"VL\r")
    path.write_bytes(gzip.compress(whole) if name.endswith("gz") else whole)
    assert [text for _, text in read_lines(path)] == ["MKVLLAmkw", "", "MKVLAA*", "G-X."]


def test_no_header_is_refused_with_its_row(tmp_path):
    path = tmp_path / "bare.fasta"
    path.write_text("\nMKV\n>first\nMKV\n")
    with pytest.raises(DataError, match=r"bare\.fasta: row 2 is no header"):
        list(read_lines(path))
    path.write_text("")
    assert list(read_lines(path)) == []


def test_prose_that_quotes_is_no_fasta(tmp_path):
    assert not looks_like_fasta(["> so he said", "and I agreed"])
    assert not looks_like_fasta([">alone"])
    path = tmp_path / "prose.txt"
    path.write_text(">first\nMKV\n")  # by its name a list of lines
    assert [text for _, text in read_lines(path)] == [">first", "MKV"]


@given(st.lists(st.text("ACDEFGHIKLMNPQRSTVWYacd*-.", max_size=150), min_size=1, max_size=6))
def test_what_is_written_is_read(texts):
    written = "".join(f"{line}\n" for line in fasta_lines(texts, "x"))
    assert max(map(len, written.splitlines())) <= 60
    source = Source("here", ".fasta", written.encode(), io.BytesIO(written.encode()))
    found = list(read_fasta(source, True))
    assert [text for _, text, _, _ in found] == texts
    assert [name for _, _, name, _ in found] == [f"x_{number}" for number in range(1, len(texts) + 1)]


@pytest.mark.parametrize("text", ["a cat", ">A", ";A", "MK1"])
def test_what_fasta_cannot_hold_is_refused(text):
    with pytest.raises(DataError, match=r"text 2, .* write a \.txt file"):
        list(fasta_lines(["MKV", text]))
