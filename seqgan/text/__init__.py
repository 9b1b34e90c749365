"""Lines and token ids: vocabularies, special tokens, how texts are split."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from seqgan.text.vocabulary import Texts as Texts
    from seqgan.text.vocabulary import TokenError as TokenError
    from seqgan.text.vocabulary import Vocabulary as Vocabulary

__getattr__ = lazy(
    {
        "Vocabulary": "seqgan.text.vocabulary",
        "Texts": "seqgan.text.vocabulary",
        "TokenError": "seqgan.text.vocabulary",
    }
)
