import csv
import gzip
from dataclasses import replace

import pandas as pd
import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from gancore.errors import DataError
from gancore.io.rejected_rows import summarise, write_rejected
from gancore.types import Context
from molgan import chemistry
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, as_dataset, batches, dense, embedded, read_rows
from molgan.data.downloads import DATA
from molgan.gan import MolGAN

SMILES = ["CCO", "c1ccccc1", "CC(=O)N", "C[N+](C)(C)C"]


def write(path, text):
    if path.name.endswith(".gz"):
        with gzip.open(path, "wt") as out:
            out.write(text)
    else:
        path.write_text(text)
    return path


def sdf_text(smiles):
    return "".join(Chem.MolToMolBlock(Chem.MolFromSmiles(text)) + "$$$$\n" for text in smiles)


@pytest.fixture(params=[".smi", ".smi.gz", ".csv", ".csv.gz", ".tsv", ".parquet", ".sdf", ".sdf.gz", ".txt"])
def file(request, tmp_path):
    path = tmp_path / f"mols{request.param}"
    if "csv" in request.param:
        return write(path, "name,Smiles\n" + "".join(f'"a, b",{text}\n' for text in SMILES))
    if "tsv" in request.param:
        return write(path, "id\tcanonical_smiles\n" + "".join(f"1\t{text}\n" for text in SMILES))
    if "parquet" in request.param:
        pd.DataFrame({"SMILES": SMILES}).to_parquet(path)
        return path
    if "sdf" in request.param:
        return write(path, sdf_text(SMILES))
    return write(path, "".join(f"{text} some name\n" for text in SMILES))


def test_every_format_gives_the_same_set(file):
    data = MoleculeDataset.from_file(file)
    assert data.smiles == [Chem.CanonSmiles(text) for text in SMILES]
    assert data.rejected == []


def test_the_audit_names_row_text_and_reason(tmp_path):
    rows = ["CCO", "nonsense here", "OCC", "C.C", "", "CCCCC", "CCS", "CO"]
    data = MoleculeDataset.from_smiles(rows, max_atoms=4, min_atom_share=0.5)
    assert data.smiles == ["CCO", "CO"]
    assert [tuple(rejection) for rejection in data.rejected] == [
        (2, "nonsense here", "not a SMILES"),
        (3, "OCC", "duplicate of row 1"),
        (4, "C.C", "more than one fragment"),
        (5, "", "empty"),
        (6, "CCCCC", "more than 4 heavy atoms"),
        (7, "CCS", "rare atom type S"),
    ]
    assert ("duplicate", 1) in summarise(data.rejected)
    write_rejected(data.rejected, tmp_path / "r.csv")
    with open(tmp_path / "r.csv") as lines:
        assert list(csv.reader(lines))[:2] == [["row", "text", "reason"], ["2", "nonsense here", "not a SMILES"]]


def test_rows_are_numbered_as_in_the_file(tmp_path):
    path = write(tmp_path / "m.csv", "smiles\nCC\nbad!\n")
    assert MoleculeDataset.from_file(path).rejected[0].row == 3, "the header is line 1"


def test_a_half_cut_sdf_gives_its_whole_records(tmp_path):
    text = sdf_text(SMILES)
    data = MoleculeDataset.from_file(write(tmp_path / "m.sdf", text[: len(text) * 2 // 3]))
    assert 1 <= len(data) < len(SMILES)
    assert data.rejected[-1].reason == "unreadable record"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.smi", None, "no such file"),
        ("m.docx", "x", "unknown kind of file"),
        ("empty.smi", "", "holds no rows"),
        ("empty.csv", "", "holds no rows"),
        (
            "m.csv",
            "a,b\n1,2\n",
            "no column named smiles or canonical_smiles or smi; its columns are a, b: rename one, or name",
        ),
        ("prose.txt", "Dear reader,\nthis is a letter.\n", "none of the 2 rows can be used"),
        ("m.smi.gz", "not gzip", "none of the 1 rows can be used .* the first reads 'not'"),
        ("m.parquet", "not parquet", "cannot be read"),
        ("m.sdf", "garbage\n", "can be used|holds no rows"),
    ],
)
def test_unusable_files_are_one_sentence(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message) as error:
        MoleculeDataset.from_file(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_names_may_be_shouted_and_ends_be_those_of_windows(tmp_path):
    path = tmp_path / "MOLS.SMI"
    path.write_bytes("CCO café\r\nCéC\r\nCC\r\n\r\n".encode())
    data = MoleculeDataset.from_file(path)
    assert data.smiles == ["CCO", "CC"]
    assert [(r.row, r.reason) for r in data.rejected] == [(2, "not a SMILES"), (4, "empty")]


def test_cells_that_are_no_text_are_rows_too():
    data = as_dataset(pd.DataFrame({"smiles": ["CCO", float("nan"), 7]}))
    assert [tuple(r) for r in data.rejected] == [(2, "", "empty"), (3, "7", "not a SMILES")], "as a CSV has them"


@pytest.mark.parametrize("name", ["m.smi.gz", "m.sdf.gz"])
def test_damaged_archives_are_one_sentence(tmp_path, name):
    path = write(tmp_path / name, sdf_text(SMILES) if "sdf" in name else "CCO\n" * 500)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        MoleculeDataset.from_file(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        list(read_rows(tmp_path))


def test_embedded_set_is_as_documented():
    rows = [text for _, text in read_rows(embedded())]
    assert len(rows) == len(set(rows)) == 130_744
    assert rows == sorted(rows)
    with pytest.raises(DataError, match="no embedded data set 'qm10'"):
        embedded("qm10")


def test_frames_lists_and_sets_are_taken(small_data):
    assert as_dataset(small_data) is small_data
    frame = pd.DataFrame({"name": [1, 2], "SMILES": ["CC", None]})
    assert as_dataset(frame).smiles == ["CC"]
    with pytest.raises(DataError, match="no column named smiles"):
        as_dataset(pd.DataFrame({"x": [1]}))


def test_pyg_graphs_go_out_and_come_back(small_data):
    items = [small_data[index] for index in range(40)]
    assert small_data[-1].smiles == small_data.smiles[-1]
    first = items[10]
    assert first.x.shape == (len(chemistry.to_graph(chemistry.parse(first.smiles)).atoms), 4)
    assert (
        first.edge_index.shape[1]
        == first.edge_attr.shape[0]
        == 2 * len(chemistry.to_graph(chemistry.parse(first.smiles)).bonds)
    )
    back = MoleculeDataset.from_data(items, small_data.vocabulary)
    assert back.smiles == small_data.smiles[:40]
    assert torch.equal(back.atoms, small_data.atoms[:40])


def test_dense_batches_of_pyg_equal_ours(small_data):
    batch = next(iter(DataLoader(small_data, batch_size=32)))  # type: ignore[arg-type]
    ours = graphs.one_hots(small_data.atoms[:32], small_data.orders[:32], 4)
    for mine, theirs in zip(ours, dense(batch, small_data.vocabulary), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert isinstance(batch, Batch)


def test_a_broken_pyg_graph_is_refused(small_data):
    item = small_data[5].clone()
    item.edge_index, item.edge_attr = item.edge_index[:, :0], item.edge_attr[:0]
    with pytest.raises(DataError, match="PyG graph 2 of 2"):
        MoleculeDataset.from_data([small_data[4], item], small_data.vocabulary)


def test_batches_cover_each_epoch_once_and_resume_from_their_position(small_data):
    size = 7
    stream = batches(small_data, size, seed=0, device=torch.device("cpu"))
    epoch = [graphs.indices(next(stream).sample)[0] for _ in range(-(-len(small_data) // size))]
    seen = torch.cat(epoch)[: len(small_data)]
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, small_data.atoms.tolist()))
    again = batches(small_data, size, seed=0, device=torch.device("cpu"))
    again.position = stream.position
    for mine, theirs in zip(next(stream).sample, next(again).sample, strict=True):
        assert torch.equal(mine, theirs)


def test_batches_carry_the_context_and_the_weight_of_each_row(small_data):
    sizes, device = small_data.sizes.float(), torch.device("cpu")
    context = Context(sizes[:, None], sizes[:, None] > 5)
    batch = next(batches(small_data, 20, 0, device, context, sizes * 2))
    found = (graphs.indices(batch.sample)[0] >= 0).sum(1).float()
    assert len(set(found.tolist())) > 1
    assert torch.equal(batch.context.values[:, 0], found)
    assert torch.equal(batch.context.known[:, 0], found > 5)
    assert torch.equal(batch.weight, found * 2)
    with pytest.raises(ValueError, match="of context"):
        batches(small_data, 20, 0, device, context[:3])
    with pytest.raises(ValueError, match="at least 0"):
        batches(small_data, 20, 0, device, weight=-sizes)


def test_some_rows_of_a_larger_file_are_read(qm9_smiles):
    some = MoleculeDataset.from_smiles(qm9_smiles, sample=100)
    assert len(some) + len(some.rejected) == 100
    assert set(some.smiles) < set(MoleculeDataset.from_smiles(qm9_smiles).smiles)
    assert some.smiles == MoleculeDataset.from_smiles(qm9_smiles, sample=100).smiles
    assert some.smiles != MoleculeDataset.from_smiles(qm9_smiles, sample=100, seed=1).smiles
    assert len(MoleculeDataset.from_smiles(["CCO", "CCN"], sample=5)) == 2


def test_a_part_is_held_out(small_data):
    rest, held = small_data.split(0.25, seed=3)
    assert len(held) == round(len(small_data) / 4)
    assert sorted([*rest.smiles, *held]) == sorted(small_data.smiles)
    assert rest.vocabulary == small_data.vocabulary
    assert [
        chemistry.strict_smiles(mol)
        for mol in chemistry.decode(rest.atoms.numpy(), rest.orders.numpy(), rest.vocabulary)
    ] == (rest.smiles)
    assert small_data.split(0.25, seed=4)[1] != held
    assert small_data.split(0.0, seed=3)[0].digest == small_data.digest
    with pytest.raises(DataError, match="leaves none to train on"):
        MoleculeDataset.from_smiles(["C"]).split(0.9, seed=0)


def test_what_is_held_out_lies_beside_the_run(tmp_path, small_config, qm9_smiles):
    config = replace(small_config, data=replace(small_config.data, hold_out=0.5))
    gan = MolGAN(config).fit(qm9_smiles, out=tmp_path / "run", quiet=True)
    held = (tmp_path / "run" / "held_out.smi").read_text().split()
    assert abs(len(held) - gan.provenance["data"]["molecules"]) <= 1


def test_reading_zinc_leaves_the_copy_at_hand_alone(tmp_path):
    for name in ("zinc.csv", "mine.csv"):
        (tmp_path / name).write_text('smiles,logP\n"CCO\n",1.0\n"CCN\n",2.0\n')
    for name in ("zinc.csv", "mine.csv"):
        out = tmp_path / name.removesuffix(".csv")
        out.mkdir()
        DATA.sources["zinc"].make(tmp_path / name, out)
        assert gzip.decompress((out / "zinc.smi.gz").read_bytes()).split() == [b"CCO", b"CCN"]
        assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["mine.csv", "zinc.csv"]
