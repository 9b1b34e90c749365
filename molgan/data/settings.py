"""Settings of the training molecules."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from annotated_types import Interval

from gancore.training.settings import STRICT, Count, Part, Share
from molgan import chemistry


@dataclass(frozen=True)
class DataConfig:
    """What is kept of the training file."""

    __pydantic_config__ = STRICT
    sample: Count = 0
    """Rows of a larger file that are read, at random by the seed; 0 reads all."""
    max_atoms: Annotated[int, Interval(ge=2, le=chemistry.MOST_ATOMS)] = chemistry.MOST_ATOMS
    """Molecules with more heavy atoms are rejected. Networks are built for the largest that is kept."""
    min_atom_share: Share = 0.0
    """An atom type in a smaller share of the molecules is dropped, together with those molecules."""
    fragments: Literal["reject", "largest"] = "reject"
    """What is done with salts and mixtures: rejected, or kept as their largest fragment."""
    standardize: bool = False
    """Whether metals are disconnected, groups normalised and charges neutralised first (`rdMolStandardize`)."""
    hold_out: Part = 0.0
    """Share of the molecules, at random by the seed, that is not trained on. A run folder has them in held_out.smi. A
    `MoleculeDataset` is trained on whole."""
    column: str = ""
    """Column of a table or a frame with the SMILES. Empty takes one with a known name, such as canonical_smiles."""

    @property
    def limits(self) -> dict[str, Any]:
        """The arguments that make a `MoleculeDataset` of rows."""
        arguments = asdict(self)
        del arguments["hold_out"]
        return arguments
