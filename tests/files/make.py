"""Odd files as people have them, made anew for each run of the tests, and what each program must make of them.

`python tests/files/make.py FOLDER` writes them.
"""

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rdkit import Chem

SMILES = ["CCO", "CCN", "CCC", "c1ccccc1", "CC(=O)O", "C1CC1"]
NAMES = ["ethanol", "ethylamine", "propane", "benzene", "acetic acid", "cyclopropane"]
PAIRS = list(zip(SMILES, NAMES, strict=True))
LINES = "".join(f"{text}\n" for text in SMILES)
TABLE = "name,smiles,IC50\n" + "".join(f"{name},{text},{row}.5\n" for row, (text, name) in enumerate(PAIRS))
FRAME = pd.DataFrame({"smiles": SMILES, "name": NAMES, "IC50": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]})


class Case(NamedTuple):
    """A file's content, and what it holds: `(rows, readable ones)`, or words of the sentence that refuses it.

    molecules: for molgan; readable ones are valid molecules. lines: for seqgan; readable ones are not empty.
    """

    content: bytes
    molecules: tuple[int, int] | str
    lines: tuple[int, int] | str


def text(content: str, molecules: tuple[int, int] | str, lines: tuple[int, int] | str, encoding: str = "utf-8") -> Case:
    return Case(content.encode(encoding), molecules, lines)


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def by_rdkit(**settings: object) -> str:
    out = io.StringIO()
    writer = Chem.SmilesWriter(out, **settings)
    for one, name in PAIRS:
        mol = Chem.MolFromSmiles(one)
        mol.SetProp("_Name", name)
        writer.write(mol)
    writer.close()
    return out.getvalue()


def sdf(titles: list[str] = NAMES, properties: str = ">  <IC50>\n1.5\n\n") -> str:
    blocks = (Chem.MolToMolBlock(Chem.MolFromSmiles(one)).partition("\n")[2] for one in SMILES)
    return "".join(f"{title}\n{block}{properties}$$$$\n" for title, block in zip(titles, blocks, strict=True))


ALL, SDF = (6, 6), "unknown kind of file"
NOT_UTF8 = "is not UTF-8"
FOREIGN = "none of the 6 rows can be used|none of 6 rows is a molecule|none of 6 rows is a SMILES"
CSV = LINES.replace("\n", ",1.0\n")

CASES = {
    # Lists of SMILES
    "plain.smi": text(LINES, ALL, ALL),
    "no_end.smi": text(LINES.rstrip(), ALL, ALL),
    "crlf.smi": text(LINES.replace("\n", "\r\n"), ALL, ALL),
    "cr.smi": text(LINES.replace("\n", "\r"), ALL, ALL),
    "mixed_ends.smi": text("CCO\r\nCCN\rCCC\nCC\n", (4, 4), (4, 4)),
    "blank.smi": text("CCO\n\n\nCCN\nC\nCC\n", (6, 4), (6, 4)),
    "blank_end.smi": text(LINES + "\n\n", (8, 6), (8, 6)),
    "mark.smi": text(LINES, ALL, ALL, "utf-8-sig"),
    "rdkit.smi": text(by_rdkit(), ALL, ALL),
    "rdkit_tab.smi": text(by_rdkit(delimiter="\t"), ALL, ALL),
    "rdkit_comma.smi": text(by_rdkit(delimiter=","), ALL, ALL),
    "rdkit_bare.smi": text(by_rdkit(includeHeader=False), ALL, ALL),
    "rdkit_other_name.smi": text(by_rdkit(nameHeader="ID"), ALL, ALL),
    "zinc.smi": text("smiles zinc_id\n" + "".join(f"{one} ZINC{row:08}\n" for row, one in enumerate(SMILES)), ALL, ALL),
    "second.smi": text("id smiles\n" + "".join(f"{row} {one}\n" for row, one in enumerate(SMILES)), ALL, ALL),
    "tab_table.smi": text("id\tsmiles\tx\n" + "".join(f"{n}\t{one}\t1\n" for n, one in enumerate(SMILES)), ALL, ALL),
    "comma_names.smi": text("".join(f"{one},{name}\n" for one, name in PAIRS), ALL, ALL),
    "tab_names.smi": text("".join(f"{one}\t{name}\n" for one, name in PAIRS), ALL, ALL),
    "no_smiles.smi": text("".join(f"{one}\t{name}\n" for one, name in PAIRS) + "\twater\n", (7, 6), (7, 6)),
    "cxsmiles.smi": text("".join(f"{one} |$;;$,c:1| {name}\n" for one, name in PAIRS), ALL, ALL),
    "named_mol.smi": text("".join(f"{one} mol\n" for one in SMILES), ALL, ALL),
    "form_feed.smi": text("CCO a\x0cb\nCCN c\x0bd\nC e\x1cf\nCC g\n", (4, 4), (4, 4)),
    "separators.smi": text("CCO a\u2028b\nCCN c\x85d\nC e\u2029f\nCC g\n", (4, 4), (4, 4)),
    "some_bad.smi": text("CCO\nC1CC(\nCCN\nCCC\nC(C)(C)(C)(C)C\n", (5, 3), (5, 5)),
    "all_bad.smi": text("C1CC(\nCC)C\nc1cc\nN(((\n", (4, 0), (4, 4)),
    "long_name.smi": text(f"CCO {'x' * 200_000}\nCC\nCCC\nCCN\n", (4, 4), (4, 4)),
    "empty.smi": text("", "holds no rows|is empty", "holds no lines|too little"),
    "names_only.smi": text("SMILES Name\n", "holds no rows|is empty", "holds no lines|too little"),
    # Encodings
    "utf16.smi": text(LINES, ALL, ALL, "utf-16"),
    "utf16_crlf.csv": text(TABLE.replace("\n", "\r\n"), ALL, ALL, "utf-16"),
    "utf16_be.smi": Case(b"\xfe\xff" + LINES.encode("utf-16-be"), ALL, ALL),
    "utf32.smi": text(LINES, ALL, ALL, "utf-32"),
    "utf16_no_mark.smi": text(LINES, "holds a NUL byte", "holds a NUL byte", "utf-16-le"),
    "utf16_cut.smi": Case(LINES.encode("utf-16")[:-1], "byte-order mark says UTF-16", "byte-order mark says UTF-16"),
    "cp1252.smi": text(LINES + "C caf\xe9\n", NOT_UTF8, NOT_UTF8, "cp1252"),
    "cp1252.csv": text(TABLE + "caf\xe9,CC,1\n", NOT_UTF8, NOT_UTF8, "cp1252"),
    "cp1252.txt": text("\xabun caf\xe9\xbb\nde l'\xe9t\xe9\nla for\xeat\nle ma\xeetre\n", NOT_UTF8, NOT_UTF8, "cp1252"),
    "accents.csv": text(TABLE.replace("ethanol", "éthanol"), ALL, ALL),
    # Compressed, and under another name
    "plain.smi.gz": Case(gzip.compress(LINES.encode()), ALL, ALL),
    "gzip.smi": Case(gzip.compress(LINES.encode()), ALL, ALL),
    "gzip.csv": Case(gzip.compress(TABLE.encode()), ALL, ALL),
    "two_parts.smi.gz": Case(gzip.compress(b"CCO\nCCN\n") + gzip.compress(b"C\nCC\n"), (4, 4), (4, 4)),
    "not_gzip.smi.gz": text(LINES, ALL, ALL),
    "cut.smi.gz": Case(gzip.compress(LINES.encode())[:-9], "cannot be read", "cannot be read"),
    "zip.csv": Case(b"PK\x03\x04" + bytes(50), "zip archive or an Excel workbook", "zip archive or an Excel workbook"),
    "nul.smi": Case(LINES.encode() + b"C\0C\n", "row 7 holds a NUL byte", "row 7 holds a NUL byte"),
    "parquet.csv": Case(written(FRAME.to_parquet), ALL, ALL),
    "plain.parquet": Case(written(FRAME.to_parquet), ALL, ALL),
    "bytes.parquet": Case(written(FRAME.assign(smiles=[one.encode() for one in SMILES]).to_parquet), ALL, ALL),
    "missing.parquet": Case(written(FRAME.assign(smiles=[*SMILES[:5], None]).to_parquet), (6, 5), (6, 5)),
    "category.parquet": Case(written(FRAME.astype({"smiles": "category"}).to_parquet), ALL, ALL),
    "cut.parquet": Case(written(FRAME.to_parquet)[:-20], "cannot be read as Parquet", "cannot be read as Parquet"),
    # CSV
    "plain.csv": text(TABLE, ALL, ALL),
    "blank.csv": text("SMILES\nCCO\n\n\nCCN\nC\nCC\n", (6, 4), (6, 4)),
    "blank_wide.csv": text("SMILES,x\nCCO,1\n\nCCN,2\nC,3\nCC,4\n", (5, 4), (5, 4)),
    "quoted.csv": text("smiles,name\n" + "".join(f'"{one}","a ""b"", c"\n' for one in SMILES), ALL, ALL),
    "quoted_break.csv": text("smiles,name\n" + "".join(f'{one},"two\nlines"\n' for one in SMILES), ALL, ALL),
    "unclosed.csv": text(TABLE.replace("propane,C", '"propane,C'), "in row 4 a cell begins", "in row 4 a cell begins"),
    "half_closed.csv": text(TABLE.replace("benzene", '"ben" zene'), "in row 5 a cell begins", "in row 5 a cell begins"),
    "inch.csv": text(TABLE.replace("propane", '5" tube'), ALL, ALL),
    "index.csv": text(FRAME.to_csv(), ALL, ALL),
    "r.csv": text(FRAME.to_csv(quoting=2), ALL, ALL),
    "semicolons.csv": text(
        '"ChEMBL ID";"Name";"Smiles"\n' + "".join(f'"CHEMBL1";"a; b";"{one}"\n' for one in SMILES), ALL, ALL
    ),
    "semicolon_in_quotes.csv": text('"a;b;c;d",smiles\n' + "".join(f"x,{one}\n" for one in SMILES), ALL, ALL),
    "tabs.csv": text("name\tsmiles\n" + "".join(f'"a\tb"\t{one}\n' for one in SMILES), ALL, ALL),
    "sep.csv": text("sep=;\nsmiles;x\n" + "".join(f"{one};1\n" for one in SMILES), ALL, ALL),
    "too_many.csv": text(TABLE + "a,CC,1,2\n", "row 8 has 4 cells", "row 8 has 4 cells"),
    "too_few.csv": text(TABLE + "a,CC\n", "row 8 has 2 cells", "row 8 has 2 cells"),
    "trailing.csv": text("smiles,x\n" + "".join(f"{one},1,\n" for one in SMILES), ALL, ALL),
    "headless.csv": text(CSV, "put a row of names above it", "put a row of names above it"),
    "other_column.csv": text(TABLE.replace("smiles", "compound"), "--column", "--column"),
    "twice.csv": text("smiles,smiles\nCCO,CCN\n", "has 2 columns named smiles", "has 2 columns named smiles"),
    "two_cases.csv": text("smiles,SMILES\nCCO,CCN\n", "columns smiles and SMILES", "columns smiles and SMILES"),
    "cxsmiles.csv": text("smiles,x\n" + "".join(f'"{one} |$R1;;$,c:1|",1\n' for one in SMILES), ALL, ALL),
    "spaces.csv": text("canonical SMILES\n" + "".join(f"  {one} \n" for one in SMILES), ALL, ALL),
    "blank_only.csv": text("smiles\n\n\n\n\n", (4, 0), (4, 0)),
    # TSV
    "plain.tsv": text(TABLE.replace(",", "\t"), ALL, ALL),
    "quote.tsv": text(TABLE.replace(",", "\t").replace("propane", '"propane'), ALL, ALL),
    "quotes.tsv": text("name\tsmiles\n" + "".join(f'"{name}\t{one}\n' for one, name in PAIRS), ALL, ALL),
    "quoted_as_csv.tsv": text(FRAME.to_csv(sep="\t", quoting=1), "quoted as in CSV", "quoted as in CSV"),
    "doubled.tsv": text('smiles\tx\nCCO\t"a ""b"""\n', "row 2 has a cell quoted", "row 2 has a cell quoted"),
    "commas.tsv": text(TABLE, ALL, ALL),
    "ragged.tsv": text("a\tsmiles\nx\tCCO\nCC\n", "row 3 has 1 cells", "row 3 has 1 cells"),
    # JSON lines
    "plain.jsonl": text(FRAME.to_json(orient="records", lines=True), ALL, ALL),
    "strings.ndjson": text("".join(json.dumps(one) + "\n" for one in SMILES), ALL, ALL),
    "null.jsonl": text('{"smiles": "C"}\n{"smiles": null}\n"CC"\n"CCC"\n"CCCC"\n', (5, 4), (5, 4)),
    "not_json.jsonl": text('{"smiles": "C"}\nCC\n', "row 2 is not JSON", "row 2 is not JSON"),
    "twice.jsonl": text('{"smiles": "C", "smiles": "CC"}\n', "has 'smiles' twice", "has 'smiles' twice"),
    "other_keys.jsonl": text('{"smiles": "C"}\n{"x": "C"}\n', "row 2 has no 'smiles'", "row 2 has no 'smiles'"),
    "surrogate.jsonl": text('{"smiles": "C\\ud800"}\n', "half of a character", "half of a character"),
    # SD files
    "plain.sdf": text(sdf(), ALL, SDF),
    "latin1.sdf": text(sdf(["caf\xe9", *NAMES[1:]]), ALL, SDF, "latin-1"),
    "utf8.sdf": text(sdf(["βeta", *NAMES[1:]]), ALL, SDF),
    "crlf.sdf": text(sdf().replace("\n", "\r\n"), ALL, SDF),
    "no_end.sdf": text(sdf().removesuffix("$$$$\n"), ALL, SDF),
    "cut.sdf": text(sdf()[:-200], (6, 5), SDF),
    "empty_record.sdf": text(sdf() + "$$$$\n", (7, 6), SDF),
    "gzip.sdf": Case(gzip.compress(sdf().encode()), ALL, SDF),
    # Without a suffix, and of something else
    "lines": text(LINES, ALL, ALL),
    "table": text(TABLE, ALL, ALL),
    "objects": text(FRAME.to_json(orient="records", lines=True), ALL, ALL),
    "prose.txt": text("Dear all,\nthis is\nthe text\nof that\nhard day\nDad\n", FOREIGN, (6, 6)),
    "ids.smi": text("".join(f"CHEMBL{row}\n" for row in range(6)), FOREIGN, (6, 6)),
    "numbers.csv": text("smiles\n" + "".join(f"{row}.5\n" for row in range(6)), FOREIGN, (6, 6)),
    "table.txt": text("id\ttext\n1\ta b\n2\tc d\n", "can be used|is a molecule|is a SMILES", "looks like a table"),
    "odd.docx": text(LINES, "unknown kind of file", "unknown kind of file"),
}  # fmt: skip
"""Name -> content, and what it holds."""


def make(folder: Path) -> Path:
    """Write all of them into a folder."""
    for name, case in CASES.items():
        (folder / name).write_bytes(case.content)
    return folder


if __name__ == "__main__":
    make(Path(sys.argv[1]))
