"""Scores by name: drug-likeness, and the 23 objectives of the PMO benchmark (Gao et al. 2022).

Twenty need only RDKit. PMO took them from GuacaMol (Brown et al. 2019): the constants are those of GuacaMol, and
mixtures are scored as they are, as GuacaMol does. The other three are classifiers of activity, in `classifiers`, which
have to be fetched.
"""

import difflib
from pathlib import Path
from typing import Any

from rdkit.Chem import Crippen, GraphDescriptors, rdMolDescriptors

from gancore.errors import ConfigError
from gancore.io import config as toml
from molgan import chemistry
from molgan.scoring.definition import QED_ALONE, Component, ScoreConfig, ScoreFile
from molgan.scoring.desirability import Desirability

_UNCHANGED = Desirability("maximize", low=0.0, high=1.0)


def _component(property: str, desirability: Desirability, name: str = "", **settings: Any) -> Component:
    return Component(property, desirability, name=name, **settings)


def _up_to(high: float, width: float) -> Desirability:
    return Desirability("range", high=high, width=width)


def _from(low: float, width: float) -> Desirability:
    return Desirability("range", low=low, width=width)


def _around(midpoint: float, width: float) -> Desirability:
    return Desirability("target", midpoint=midpoint, width=width)


def _like(smiles: str, fingerprint: str, enough: float = 1.0, name: str = "") -> Component:
    """The nearer the better, up to a similarity that is enough."""
    desirability = Desirability("maximize", low=0.0, high=enough)
    return _component("similarity", desirability, name, molecules=(smiles,), fingerprint=fingerprint)


def _unlike(smiles: str, fingerprint: str, desirability: Desirability) -> Component:
    return _component("similarity", desirability, "unlike", molecules=(smiles,), fingerprint=fingerprint)


def _with(smarts: str, name: str) -> Component:
    return _component("substructure", _UNCHANGED, name, smarts=smarts)


def _without(smarts: str, name: str) -> Component:
    return _component("substructure", Desirability("minimize", low=0.0, high=1.0), name, smarts=smarts)


def _mean(*components: Component) -> ScoreConfig:
    return ScoreConfig("arithmetic", components, fragments="keep")


def _geometric(*components: Component) -> ScoreConfig:
    return ScoreConfig("geometric", components, fragments="keep")


def _three_properties(smiles: str) -> tuple[float, float, float]:
    """logP, polar surface and Bertz's complexity of a molecule."""
    mol = chemistry.parse(smiles)
    return Crippen.MolLogP(mol), rdMolDescriptors.CalcTPSA(mol), GraphDescriptors.BertzCT(mol)  # pyright: ignore


_AMLODIPINE = r"Clc1ccccc1C2C(=C(/N/C(=C2/C(=O)OCC)COCCN)C)\C(=O)OC"
_CELECOXIB = "CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F"
_FEXOFENADINE = "CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN2CCC(CC2)C(O)(c3ccccc3)c4ccccc4"
_HOP = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"
_HOP_SCAFFOLD = "[#7]-c1n[c;h1]nc2[c;h1]c(-[#8])[c;h0][c;h1]c12"
_MESTRANOL = "COc1ccc2[C@H]3CC[C@@]4(C)[C@@H](CC[C@@]4(O)C#C)[C@@H]3CCc2c1"
_OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
_PERINDOPRIL = "O=C(OCC)C(NC(C(=O)N1C(C(=O)O)CC2CCCCC12)C)CCC"
_RANOLAZINE = "COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2"
_SILDENAFIL = "CCCC1=NN(C2=C1N=C(NC2=O)C3=C(C=CC(=C3)S(=O)(=O)N4CCN(CC4)C)OCC)C"
_SITAGLIPTIN = "Fc1cc(c(F)cc1F)CC(N)CC(=O)N3Cc2nnc(n2CC3)C(F)(F)F"
_SITAGLIPTIN_LOGP, _SITAGLIPTIN_TPSA, _ = _three_properties(_SITAGLIPTIN)
_VALSARTAN_TARGET = "NC(CC(=O)N1CCn2c(nnc2C(F)(F)F)C1)Cc1cc(F)c(F)cc1F"
_VALSARTAN_LOGP, _VALSARTAN_TPSA, _VALSARTAN_BERTZ = _three_properties(_VALSARTAN_TARGET)
_TADALAFIL = "O=C1N(CC(N2C1CC3=C(C2C4=CC5=C(OCO5)C=C4)NC6=C3C=CC=C6)=O)C"
_THIOTHIXENE = "CN(C)S(=O)(=O)c1ccc2Sc3ccccc3C(=CCCN4CCN(C)CC4)c2c1"
_TROGLITAZONE = "Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O"
_ZALEPLON = "O=C(C)N(CC)C1=CC=CC(C2=CC=NC3=C(C=NN23)C#N)=C1"

OBJECTIVES = {
    "albuterol_similarity": _mean(_like("CC(C)(C)NCC(O)c1ccc(O)c(CO)c1", "fcfp4", 0.75)),
    "amlodipine_mpo": _geometric(_like(_AMLODIPINE, "ecfp4"), _component("rings", _around(3.0, 0.5))),
    "celecoxib_rediscovery": _mean(_like(_CELECOXIB, "ecfp4")),
    "deco_hop": _mean(
        _like(_HOP, "pharmacophore", 0.85),
        _without("CS([#6])(=O)=O", "no sulfone"),
        _without("[#7]-c1ccc2ncsc2c1", "no benzothiazole"),
        _with(_HOP_SCAFFOLD, "scaffold"),
    ),
    "drd2": _mean(_component("drd2", _UNCHANGED)),
    "fexofenadine_mpo": _geometric(
        _like(_FEXOFENADINE, "atom_pairs", 0.8),
        _component("tpsa", _from(90.0, 10.0)),
        _component("logp", _up_to(4.0, 1.0)),
    ),
    "gsk3b": _mean(_component("gsk3b", _UNCHANGED)),
    "isomers_c7h8n2o2": _mean(_component("isomer", _UNCHANGED, formula="C7H8N2O2")),
    "isomers_c9h10n2o2pf2cl": _mean(_component("isomer", _UNCHANGED, formula="C9H10N2O2PF2Cl")),
    "jnk3": _mean(_component("jnk3", _UNCHANGED)),
    "median1": _geometric(
        _like("CC(C)C1CCC(C)CC1O", "ecfp4", name="menthol"), _like("CC1(C)C2CCC1(C)C(=O)C2", "ecfp4", name="camphor")
    ),
    "median2": _geometric(_like(_TADALAFIL, "ecfp6", name="tadalafil"), _like(_SILDENAFIL, "ecfp6", name="sildenafil")),
    "mestranol_similarity": _mean(_like(_MESTRANOL, "atom_pairs", 0.75)),
    "osimertinib_mpo": _geometric(
        _like(_OSIMERTINIB, "fcfp4", 0.8),
        _unlike(_OSIMERTINIB, "ecfp6", _up_to(0.85, 0.1)),
        _component("tpsa", _from(100.0, 10.0)),
        _component("logp", _up_to(1.0, 1.0)),
    ),
    "perindopril_mpo": _geometric(_like(_PERINDOPRIL, "ecfp4"), _component("aromatic_rings", _around(2.0, 0.5))),
    "qed": _mean(QED_ALONE),
    "ranolazine_mpo": _geometric(
        _like(_RANOLAZINE, "atom_pairs", 0.7),
        _component("logp", _from(7.0, 1.0)),
        _component("tpsa", _from(95.0, 20.0)),
        _component("element", _around(1.0, 1.0), symbol="F"),
    ),
    "scaffold_hop": _mean(
        _like(_HOP, "pharmacophore", 0.75),
        _with("[#6]-[#6]-[#6]-[#8]-[#6]~[#6]~[#6]~[#6]~[#6]-[#7]-c1ccc2ncsc2c1", "decoration"),
        _without(_HOP_SCAFFOLD, "no scaffold"),
    ),
    "sitagliptin_mpo": _geometric(
        _unlike(_SITAGLIPTIN, "ecfp4", _around(0.0, 0.1)),
        _component("logp", _around(_SITAGLIPTIN_LOGP, 0.2)),
        _component("tpsa", _around(_SITAGLIPTIN_TPSA, 5.0)),
        _component("isomer", _UNCHANGED, formula="C16H15F6N5O"),
    ),
    "thiothixene_rediscovery": _mean(_like(_THIOTHIXENE, "ecfp4")),
    "troglitazone_rediscovery": _mean(_like(_TROGLITAZONE, "ecfp4")),
    "valsartan_smarts": _geometric(
        _with("CN(C=O)Cc1ccc(c2ccccc2)cc1", "valsartan"),
        _component("logp", _around(_VALSARTAN_LOGP, 0.2)),
        _component("tpsa", _around(_VALSARTAN_TPSA, 5.0)),
        _component("bertz", _around(_VALSARTAN_BERTZ, 30.0)),
    ),
    "zaleplon_mpo": _geometric(_like(_ZALEPLON, "ecfp4"), _component("isomer", _UNCHANGED, formula="C19H17N3O2")),
}
"""Objectives of the PMO benchmark by name."""

DRUGLIKE = ScoreConfig(
    "geometric",
    (
        QED_ALONE,
        Component("sa", Desirability("minimize", low=1.0, high=10.0)),
        Component("logp", Desirability("range", low=0.0, high=5.0, width=1.0)),
    ),
)
"""QED, ease of synthesis, and a logP within the rule of five."""

SCORES = OBJECTIVES | {"druglike": DRUGLIKE}
"""Scores by name. `qed` here is the benchmark's objective, which scores mixtures too; the property `qed` in a score of
your own follows that score's `fragments`."""


def load_score(name: str | Path) -> ScoreConfig:
    """A score by name, or from a TOML file with one table `[score]`; raises ConfigError."""
    if str(name) in SCORES:
        return SCORES[str(name)]
    if not Path(name).exists():
        near = difflib.get_close_matches(str(name), SCORES, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ConfigError(
            f"{name}: no such score file, and no score of that name{hint}; there are {', '.join(SCORES)}."
        )
    return toml.load(ScoreFile, Path(name)).score
