"""What a run leaves on disk: configuration, folder, checkpoints, models to share."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from gancore.runs.folder import RunFolder as RunFolder

__getattr__ = lazy(
    {
        "RunFolder": "gancore.runs.folder",
    }
)
