"""What a model that reads a source can do with it: translate it, fill its gaps, show what is attended to."""

from collections.abc import Sequence

import pandas as pd

from gancore.errors import ConfigError
from gancore.facade.conditions import Request
from gancore.facade.model import Model
from gancore.facade.recipe import refuse_without
from seqgan.recipes.infilling import infill
from seqgan.recipes.translating import Search, attention, translate


class ReadsSources(Model):
    """A model with `translate`, `infill` and `attention`, which are refused where its recipe cannot do them."""

    def translate(
        self,
        sources: "str | Sequence[str | None]",
        n: int = 1,
        condition: Request | None = None,
        seed: int = 0,
        temperature: float = 0.0,
        beam: int = 0,
        guidance: float = 1.0,
    ) -> pd.DataFrame:
        """`n` translations of each source, by a recipe that translates (pix2pix, cyclegan, stargan): a table.

        condition: what is requested of the translations, as in `sample`; a list has a value for each source.
        temperature: 0 gives the likeliest translations that a beam search finds, distinct ones; above 0 samples.
        beam: width of that search, at least `n`; 0 takes 5 or `n`. guidance: above 1 pulls towards what is requested.
        Columns: row (the source's number, from 1), source, rank, target, log_prob (nats), reason. A source that the
        model cannot read has one row without a target, and its reason.
        Raises ConfigError for a recipe that does not translate and for settings out of range, DataError for no sources,
        RunError where there are no weights yet.

        >>> from seqgan import Config, SeqGAN
        >>> few = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "data.valid=0", "data.test=0"]
        >>> pairs = [("the cat sat", "ze cat sat"), ("the dog ran", "ze dog ran"), ("a cat ran", "a cat ran")]
        >>> gan = SeqGAN(Config.load("pix2pix", few)).fit(pairs, quiet=True)
        >>> table = gan.translate(["the dog sat", "the bird sat"])
        >>> table["reason"].tolist()
        ['', "has 'bird', which the model does not know"]
        """
        refuse_without(self._trained, "translate", "translate")
        texts = [sources] if isinstance(sources, str) else list(sources)
        search = Search(n, temperature, beam, guidance)
        return translate(self._trained, self.conditions, self.device, texts, condition or {}, search, seed)

    def infill(
        self,
        lines: "str | Sequence[str | None]",
        n: int = 1,
        condition: Request | None = None,
        seed: int = 0,
        temperature: float = 0.0,
        beam: int = 0,
        guidance: float = 1.0,
    ) -> pd.DataFrame:
        """`n` fillings of the gaps in each line, by recipe maskgan: a table. `___` stands for one or more tokens.

        What is given stays as it is. The arguments are those of `translate`; with temperature 0 the fillings of a line
        are the likeliest ones, and distinct.
        Columns: row (the line's number, from 1), line, rank, text, log_prob (nats, of what fills the gaps), reason. A
        line that cannot be filled has one row without a text, and its reason.
        Raises ConfigError for a recipe that fills no gaps and for settings out of range, DataError for no lines,
        RunError where there are no weights yet.

        >>> from seqgan import Config, SeqGAN
        >>> few = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "data.valid=0", "data.test=0"]
        >>> gan = SeqGAN(Config.load("maskgan", few)).fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> table = gan.infill(["the ___ ran", "the cat ran", "a bird ___"])
        >>> table["text"][0].split()[0], table["text"][0].split()[-1]
        ('the', 'ran')
        >>> table["reason"].tolist()[1:]
        ['has no gap; write ___ where something is missing', "has 'bird', which the model does not know"]
        """
        if "infill" not in self._trained.capabilities:
            raise ConfigError(f"infill: recipe {self.config.recipe} fills no gaps; train a model with recipe maskgan.")
        texts = [lines] if isinstance(lines, str) else list(lines)
        search = Search(n, temperature, beam, guidance)
        return infill(self._trained, self.conditions, self.device, texts, condition or {}, search, seed)

    def attention(self, source: str, target: str, condition: Request | None = None) -> pd.DataFrame:
        """How much each token of a target attends to each of its source, by a recipe that translates: a table.

        A row for each token of the target and for its end, a column for each of the source and for its end; each row
        adds up to 1 (mean of the heads). Row t is what the model looks at when it writes token t.
        Raises ConfigError for a recipe that does not translate, for a line that the model cannot read, and for a
        condition that it does not know; RunError where there are no weights yet.

        >>> from seqgan import Config, SeqGAN
        >>> few = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "data.valid=0", "data.test=0"]
        >>> pairs = [("the cat sat", "ze cat sat"), ("the dog ran", "ze dog ran"), ("a cat ran", "a cat ran")]
        >>> gan = SeqGAN(Config.load("pix2pix", few)).fit(pairs, quiet=True)
        >>> gan.attention("the dog sat", "ze dog").round(1).shape
        (3, 4)
        """
        refuse_without(self._trained, "translate", "attention")
        return attention(self._trained, self.conditions, self.device, source, target, condition or {})
