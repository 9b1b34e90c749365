"""What molgan and seqgan share: GAN mathematics, one training loop, checkpoints, configuration.

Torch only: nothing here knows chemistry or language. Read `types` first, then `training.loop`.
"""

from gancore.io.moved_modules import alias

__version__ = "0.1.0"

_MOVED = {
    "adversary": "losses.adversary",
    "ahead": "io.background_call",
    "callbacks": "training.callbacks",
    "checkpoint": "runs.checkpoint",
    "chunks": "sampling.chunks",
    "cli": "facade.cli",
    "columns": "io.columns",
    "compare": "runs.compare",
    "config": "io.config",
    "convex": "training.lbfgs",
    "delimited": "io.delimited",
    "device": "training.device",
    "distributed": "training.distributed",
    "doctor": "facade.doctor",
    "ema": "training.ema",
    "estimators": "sampling.estimators",
    "fetch": "io.downloads",
    "files": "io.atomic_write",
    "forms": "io.formats",
    "given": "io.inputs",
    "loop": "training.loop",
    "monitors": "training.monitors",
    "named": "io.import_object",
    "notebook": "training.notebook",
    "notes": "io.notes",
    "objectives": "losses.adversarial",
    "penalties": "losses.penalties",
    "policy": "losses.policy_gradient",
    "pool": "io.process_pool",
    "progress": "io.progress",
    "rejection": "sampling.rejection",
    "rows": "io.rejected_rows",
    "schedules": "training.schedules",
    "settings": "training.settings",
    "sharing": "runs.pretrained",
    "signals": "training.signals",
    "steering": "rewards.shaping",
    "systems": "io.platforms",
    "tables": "io.tables",
    "terms": "losses.elbo",
    "textfiles": "io.text_files",
}
alias(__name__, _MOVED)
