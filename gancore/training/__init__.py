"""The one training loop, and what a run needs around it: phases, averages, schedules, monitors, devices."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from gancore.training.loop import Player as Player
    from gancore.training.loop import play as play
    from gancore.training.run import Phase as Phase
    from gancore.training.run import Training as Training

__getattr__ = lazy(
    {
        "Training": "gancore.training.run",
        "Phase": "gancore.training.run",
        "Player": "gancore.training.loop",
        "play": "gancore.training.loop",
    }
)
