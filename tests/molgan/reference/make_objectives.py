"""Writes objectives.csv and objectives_odd.csv: what GuacaMol itself says of 300 molecules, and of odd ones.

In an environment of its own: `pip install --no-deps guacamol==0.5.5`, with rdkit, numpy and scipy; `fcd` is not needed.
Usage: python make_objectives.py
"""

import csv
import sys
import types
from pathlib import Path

from rdkit import Chem, RDConfig, RDLogger

SIMILAR = {
    "albuterol_similarity": ("CC(C)(C)NCC(O)c1ccc(O)c(CO)c1", "FCFP4", 0.75),
    "mestranol_similarity": ("COc1ccc2[C@H]3CC[C@@]4(C)[C@@H](CC[C@@]4(O)C#C)[C@@H]3CCc2c1", "AP", 0.75),
    "celecoxib_rediscovery": ("CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F", "ECFP4", 1.0),
    "thiothixene_rediscovery": ("CN(C)S(=O)(=O)c1ccc2Sc3ccccc3C(=CCCN4CCN(C)CC4)c2c1", "ECFP4", 1.0),
    "troglitazone_rediscovery": ("Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O", "ECFP4", 1.0),
}
BENCHMARKS = {
    "amlodipine_mpo": "amlodipine_rings",
    "deco_hop": "decoration_hop",
    "fexofenadine_mpo": "hard_fexofenadine",
    "isomers_c7h8n2o2": "isomers_c7h8n2o2",
    "isomers_c9h10n2o2pf2cl": "isomers_c9h10n2o2pf2cl",
    "median1": "median_camphor_menthol",
    "median2": "median_tadalafil_sildenafil",
    "osimertinib_mpo": "hard_osimertinib",
    "perindopril_mpo": "perindopril_rings",
    "qed": "qed_benchmark",
    "ranolazine_mpo": "ranolazine_mpo",
    "scaffold_hop": "scaffold_hop",
    "sitagliptin_mpo": "sitagliptin_replacement",
    "valsartan_smarts": "valsartan_smarts",
    "zaleplon_mpo": "zaleplon_with_other_formula",
}
NEAR = [
    "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C",
    "CCCOc1cc2ncnc(Nc3ccccc3)c2cc1C",
    "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1N",
    "CCCCC(=O)N(Cc1ccc(cc1)c1ccccc1c1nnn[nH]1)C(C(C)C)C(=O)O",
    "CN(C=O)Cc1ccc(c2ccccc2)cc1",
    "O=C(C)N(CC)C1=CC=CC(C2=CC=NC=N2)=C1",
    "COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2",
    "COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(F)cccc3C)CC2",
    "Cc1c(N)cccc1N(O)C=O",
    "NC(CC(=O)N1CCn2c(nnc2C(F)(F)F)C1)Cc1cc(F)c(F)cc1F",
    "NCc1ccc(cc1)C(=O)NO",
    "COc1cc(ccc1N)[N+](=O)[O-]",
    "CC(C)C1CCC(C)CC1=O",
    "FC(F)(P)c1ccc(NC(=O)CN)cc1Cl",
    "CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN2CCC(CC2)O",
    "CC(C)NCC(O)c1ccc(O)c(O)c1",
    "CC1(C)C2CCC1(C)C(O)C2",
]

ODD = [
    "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]",
    "CC(=O)Oc1ccccc1C(=O)O.CCN",
    "Cl.CC(C)(C)NCC(O)c1ccc(O)c(CO)c1",
    "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1.OS(=O)(=O)O",
    "CN(C=O)Cc1ccc(c2ccccc2)cc1.O",
    "Cl.COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2",
    "[Na+].[Cl-]",
    "O.O.O",
    "C.C",
    "CC[N+](C)(C)CC(=O)[O-]",
    "[NH3+][C@@H](C)C(=O)[O-]",
    "C[N+](C)(C)C",
    "[O-]c1ccccc1",
    "[NH4+]",
    "CC(=O)C=C(C)O",
    "CC(=O)CC(C)=O",
    "Oc1ccccn1",
    "O=c1cccc[nH]1",
    "c1ccc2[nH]cnc2c1",
    "N=C(N)c1ccccc1",
    "[H]/N=C(/N)c1ccccc1",
    r"[H]/N=C(\N)c1ccccc1",
    "C/C=C/C",
    r"C/C=C\C",
    "N[C@@H](C)C(=O)O",
    "N[C@H](C)C(=O)O",
    "[2H]C([2H])([2H])C(=O)O",
    "[13CH4]",
    "[2H]O[2H]",
    "[H][H]",
    "[H]O[H]",
    "[H]C([H])([H])O[H]",
    "[CH3:1][CH2:2][OH:3]",
    "[CH3]",
    "[O]",
    "[He]",
    "[U]",
    "[Fe+2]",
    "O[Hg]c1ccc(C(=O)O)cc1",
    "[Cu+2].[O-]C(=O)C.[O-]C(=O)C",
    "C[Si](C)(C)C",
    "B(O)O",
    "FS(F)(F)(F)(F)F",
    "CS(C)=O",
    "C[S+](C)[O-]",
    "CN(=O)=O",
    "C[N+](=O)[O-]",
    "[N-]=[N+]=NCC",
    "C#N",
    "[C-]#[O+]",
    "[C-]#N.[K+]",
    "C1CC2CCC1CC2",
    "C12C3C4C1C5C2C3C45",
    "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
    "NCC(=O)NCC(=O)NCC(=O)NCC(=O)NCC(=O)NCC(=O)O",
    "OCC1OC(OC2C(CO)OC(O)C(O)C2O)C(O)C(O)C1O",
    "[Pt](Cl)(Cl)(N)N",
    "OP(=O)(O)OP(=O)(O)O",
    "FC(F)(F)C(F)(F)C(F)(F)F",
    "C1=CC=CC=C1",
    "c1cc[nH]c1.c1ccoc1",
]
"""Mixtures, salts, charges, tautomers, isotopes, hydrogens, atom maps, radicals, metals, and no carbon at all."""


def main() -> None:
    RDLogger.DisableLog("rdApp.*")
    import numpy as np
    import scipy

    scipy.histogram = np.histogram  # where GuacaMol looks for it
    for missing in ("fcd", "FCD"):
        sys.modules.setdefault(missing, types.ModuleType(missing))
    from guacamol import standard_benchmarks as made

    functions = {name: getattr(made, function)().objective for name, function in BENCHMARKS.items()}
    functions |= {
        name: made.similarity(smiles, name, kind, threshold).objective
        for name, (smiles, kind, threshold) in SIMILAR.items()
    }
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    readable = [line.split()[0] for line in lines if Chem.MolFromSmiles(line.split()[0])]
    targets = [smiles for smiles, _, _ in SIMILAR.values()]
    smiles = [*targets, *NEAR, *readable[:: len(readable) // (300 - len(targets) - len(NEAR))]][:300]
    for name, texts in (("objectives.csv", smiles), ("objectives_odd.csv", ODD)):
        write(Path(__file__).with_name(name), functions, texts)


def write(path: Path, functions: dict, smiles: list[str]) -> None:
    """What each function says of each molecule."""
    names = sorted(functions)
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["smiles", *names])
        for text in smiles:
            writer.writerow([text, *(repr(float(functions[name].score(text))) for name in names)])


if __name__ == "__main__":
    main()
