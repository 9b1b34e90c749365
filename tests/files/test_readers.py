"""What pandas, csv, json or RDKit write is read back equal, or refused: never something else."""

import csv
import io
import json
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from gancore.errors import DataError
from gancore.io.beside import beside
from molgan.data.inputs import as_rows, read_named, read_rows
from seqgan.data.corpus import as_lines, read_lines

FEW = settings(max_examples=40, deadline=None)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.lists(
    st.text(CHARACTERS, max_size=12)
    | st.sampled_from(['"', '""', 'a "b" c', "a;b", "a\tb", "a,b", "\r", "a\rb", "sep=;"])
)
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12)
SMILES = st.lists(
    st.sampled_from(["CCO", "c1ccccc1", "C[N+](C)(C)C", "F/C=C/F", "O=C(O)[C@@H](N)C", "[2H]C", "C#N.Cl"]), min_size=1
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])


def back(name, content):
    """What is read of a file with that content, None where it is refused."""
    with TemporaryDirectory() as folder:
        path = f"{folder}/{name}"
        with open(path, "wb") as out:
            out.write(content)
        try:
            return [line for _, line in read_lines(path)]
        except DataError:
            return None


def unmarked(texts):
    """A byte-order mark is none of the text, and it is no use to ask for one that is."""
    return not any(text.startswith("\ufeff") for text in texts)


@FEW
@given(TEXTS, ENCODINGS, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.integers(0, 1), st.booleans())
def test_csv_of_pandas(texts, encoding, delimiter, end, quoting, alone):
    frame = pd.DataFrame({"text": texts} if alone else {"a": range(len(texts)), "text": texts, "b, c": "d;e"})
    quoting = quoting or int("\r" in "".join(texts))  # which pandas does not quote where it must
    content = frame.to_csv(index=False, sep=delimiter, lineterminator=end, quoting=quoting).encode(encoding)
    found = back("x.csv", content)
    assert found == texts or (found is None and alone and delimiter != ",")  # of one column nothing tells the delimiter


@FEW
@given(TEXTS, ENCODINGS)
def test_csv_of_the_standard_library(texts, encoding):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["text", "n"], *([text, "1"] for text in texts)])
    assert back("x.csv", out.getvalue().encode(encoding)) == texts


@FEW
@given(TEXTS.filter(lambda texts: "\r" not in "".join(texts)), st.floats(0, 1, exclude_max=True))  # pandas quotes no CR
def test_a_cut_csv_is_read_in_part_or_refused(texts, place):
    content = pd.DataFrame({"text": texts, "n": 1}).to_csv(index=False)
    head = len("text,n\n")
    found = back("x.csv", content[: head + int(place * (len(content) - head))].encode())
    assert found is None or found == texts[: len(found)]


@FEW
@given(TEXTS, st.booleans(), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_tsv_of_pandas(texts, quoted, quoting):
    frame = pd.DataFrame({"n": range(len(texts)), "text": texts})
    if quoted:
        content = frame.to_csv(index=False, sep="\t", quoting=quoting)
        if "\r" in "".join(texts):  # which pandas does not quote
            return
    else:
        texts = [text for text in texts if not {"\r", "\n"} & set(text)]
        content = "n\ttext\n" + "".join(f"{number}\t{text}\n" for number, text in enumerate(texts))
    assert back("x.tsv", content.encode()) in (texts, None)


@FEW
@given(st.lists(LINE), ENCODINGS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_lines(texts, encoding, end):
    if unmarked(texts[:1]):
        assert back("x.txt", "".join(text + end for text in texts).encode(encoding)) in (texts, None)


@FEW
@given(st.lists(st.text(CHARACTERS)), st.booleans(), st.booleans())
def test_json_lines(texts, ascii_only, plain):
    rows = (text if plain else {"id": 1, "text": text} for text in texts)
    content = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    assert back("x.jsonl", content.encode()) == texts


@FEW
@given(st.lists(st.none() | st.text(CHARACTERS)))
def test_parquet_and_frames(texts):
    frame = pd.DataFrame({"n": range(len(texts)), "text": pd.Series(texts, dtype=object)})
    out = io.BytesIO()
    frame.astype({"text": "string"}).to_parquet(out)
    wanted = [text or "" for text in texts]
    assert back("x.parquet", out.getvalue()) == [line for _, line in as_lines(frame)[0]] == wanted


@FEW
@given(
    st.binary(max_size=60),
    st.sampled_from(["x.txt", "x.smi", "x.csv", "x.tsv", "x.jsonl", "x.parquet", "x", "x.smi.gz"]),
)
def test_any_bytes_are_rows_or_one_sentence(content, name):
    found = back(name, content)
    if (
        name == "x.txt"
        and found is not None
        and not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x1f\x8b"))
    ):
        assert "\n".join(found) == content.decode().replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


# Molecules ----------------------------------------------------------------------------------------


@FEW
@given(SMILES, st.sampled_from([" ", "\t", ","]), st.booleans(), st.text("abc 1-", max_size=6).map(str.strip))
def test_smiles_of_rdkit(smiles, delimiter, header, name):
    out = io.StringIO()
    writer = Chem.SmilesWriter(out, delimiter=delimiter, includeHeader=header)
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        mol.SetProp("_Name", name)
        writer.write(mol)
    writer.close()
    wanted = [Chem.CanonSmiles(text) for text in smiles]
    with TemporaryDirectory() as folder:
        with open(f"{folder}/x.smi", "w") as file:
            file.write(out.getvalue())
        found = list(read_named(f"{folder}/x.smi"))
        if delimiter == "," and not header and len(smiles) == 1:
            assert found[0].smiles == out.getvalue().split()[0], "one line does not tell what its comma is"
            return
        assert [row.smiles for row in found] == [text for _, text in read_rows(f"{folder}/x.smi")] == wanted
        if name:
            assert {row.name for row in found} == {name}


@FEW
@given(
    SMILES,
    st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=8),
    st.sampled_from(["utf-8", "latin-1"]),
)
def test_sdf_of_rdkit(smiles, title, encoding):
    out = io.StringIO()
    writer = Chem.SDWriter(out)
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        mol.SetProp("_Name", title)
        mol.SetProp("note", title or "none")
        writer.write(mol)
    writer.close()
    with TemporaryDirectory() as folder:
        with open(f"{folder}/x.sdf", "wb") as file:
            file.write(out.getvalue().encode(encoding))
        found = list(read_named(f"{folder}/x.sdf"))
    assert [Chem.CanonSmiles(row.smiles or "") for row in found] == [Chem.CanonSmiles(text) for text in smiles]
    if encoding == "utf-8":
        assert {row.name for row in found} == {title.strip()}
        assert {row.others["note"].strip() for row in found} == {(title or "none").strip()}


@FEW
@given(
    SMILES,
    st.lists(st.floats(allow_nan=False) | st.integers(-9, 9) | st.none(), min_size=1),
    st.sampled_from([".csv", ".parquet"]),
)
def test_numbers_go_through(smiles, numbers, suffix):
    """A column of numbers in the input is the same numbers in the table."""
    frame = pd.DataFrame({"smiles": smiles, "value": pd.Series((numbers * len(smiles))[: len(smiles)], dtype=float)})
    with TemporaryDirectory() as folder:
        path = f"{folder}/x{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        rows = list(read_named(path))
    table = beside(rows, pd.DataFrame({"score": [0.0] * len(rows)}), typed=True)
    assert table["input"].tolist() == smiles
    if set(map(str, frame["value"])) != {"nan"} and "inf" not in " ".join(map(str, frame["value"])):
        pd.testing.assert_series_equal(table["value"].astype(float), frame["value"], check_exact=True)
    assert as_rows(frame) == smiles


@pytest.mark.parametrize("text", ["007", "1e400000", "\u0661", "0x1F", "1_000"])
def test_what_only_looks_like_a_number_stays_text(tmp_path, text):
    (tmp_path / "x.csv").write_text(f"smiles,id\nC,{text}\n", encoding="utf-8")
    rows = list(read_named(tmp_path / "x.csv"))
    assert beside(rows, pd.DataFrame({"score": [0.0]}), typed=True)["id"].tolist() == [text]
