"""A run: phases played one after the other, saved as they go, resumed bit for bit, brought back from divergence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn
from torch.optim import Optimizer

from gancore.errors import ConfigError, DivergedError, UserError
from gancore.io.atomic_write import write_text
from gancore.io.progress import hushed
from gancore.io.rejected_rows import Rejection, write_rejected
from gancore.rewards.calls import Remembers
from gancore.rewards.shaping import RewardShaping
from gancore.runs import checkpoint
from gancore.runs.checkpoint import State
from gancore.runs.config import RunConfig
from gancore.runs.folder import RunFolder, alone, claim, refuse_changes
from gancore.training import distributed
from gancore.training.callbacks import Due
from gancore.training.device import computes_bfloat16, generator_states, set_generator_states
from gancore.training.loop import Callback, Place, Player, play
from gancore.training.monitors import Watch
from gancore.training.output import Output
from gancore.training.signals import Interrupted, Interruption, interactive


@dataclass
class Phase:
    """A stretch of training: who plays on which batches from which step to which.

    batches: an endless iterator with a `position` to go on from, a number or a dict. callbacks: what follows each
    step; one that returns True, or a reason, ends the phase. enter: called once, before the phase's first step.
    """

    name: str
    players: list[Player]
    batches: Iterator[Any]
    steps: range
    callbacks: list[Callback] = field(default_factory=list)
    enter: Callable[[], None] = lambda: None


class Training:
    """The phases and everything that moves in them: what a checkpoint holds, and where it stands.

    modules, optimizers: by name, every one with state. config: of the run, written into every checkpoint.
    extra: further tensors and values of a checkpoint that never move; its "provenance" names the data.
    memories: by name, what has state beside tensors.
    step: steps done, over all phases; a phase that ended early counts in full. rollbacks: how often training went back.
    Raises ConfigError for bfloat16 on a processor without it: torch would emulate it slowly, or not at all.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        optimizers: dict[str, Optimizer],
        phases: list[Phase],
        device: torch.device,
        config: RunConfig,
        extra: State,
        memories: Mapping[str, Remembers] | None = None,
    ):
        self.modules, self.optimizers, self.phases, self.device = modules, optimizers, phases, device
        self.config, self.extra, self.memories = config, extra, memories or {}
        if config.precision == "bfloat16" and not computes_bfloat16(device):
            raise ConfigError(f"precision = bfloat16: this {device.type} has no instructions for it; leave it out.")
        self.step, self.rollbacks = 0, 0
        self._played = 0  # the same but for steps that an early end left out
        self._place, self._within = Place(), False  # where in the present step; whether it broke off there
        self.latest: dict[str, float] = {}  # the last reading of every figure
        self._output = Output()
        self._good: tuple[State, dict[str, float]] | None = None
        self._saved = -1  # step of the last checkpoint of this timeline
        self._watches = [Watch(rule, lambda done, text: self._output.note(done, text)) for rule in config.watch]
        self._shapings = [memory for memory in self.memories.values() if isinstance(memory, RewardShaping)]
        for steering in self._shapings:
            steering.tell = lambda text: self._output.note(self._played + 1, text)  # after the present step

    # State ------------------------------------------------------------------------------------

    def state(self) -> State:
        """Tensors and JSON-able values to go on from."""
        generators, states = generator_states()
        tensors = checkpoint.pack(self.modules, self.optimizers) | generators | self.extra[0]
        values = self.extra[1] | {
            "config": asdict(self.config),  # pyright: ignore
            "step": self.step,
            "played": self._played,
            "rollbacks": self.rollbacks,
            "positions": {phase.name: phase.batches.position for phase in self.phases},  # pyright: ignore
            "random": states,
            "memories": {name: memory.state() for name, memory in self.memories.items()},
            "watches": [watch.count for watch in self._watches],
            "means": self._output.lines.means.state() if self._output.lines is not None else [],
        }
        if self._within:
            place = self._place
            logs = [[name, float(value)] for name, value in place.logs.items()]
            values["within"] = {"player": place.player, "turn": place.turn, "logs": logs}
        return tensors, values

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """Put `state` back; raises CheckpointError when it does not fit."""
        checkpoint.unpack(tensors, self.modules, self.optimizers)
        set_generator_states(tensors, values["random"])
        self.step, self.rollbacks = values["step"], values["rollbacks"]
        self._played = values.get("played", self.step)
        within = values.get("within")
        self._place, self._within = Place(), within is not None
        if within is not None:
            logs = {name: torch.tensor(value, device=self.device) for name, value in within["logs"]}
            self._place = Place(int(within["player"]), int(within["turn"]), logs)
        for phase in self.phases:
            phase.batches.position = values["positions"].get(phase.name, 0)  # pyright: ignore
        for name, memory in self.memories.items():
            if name in values["memories"]:
                memory.restore(values["memories"][name])
        if len(values["watches"]) == len(self._watches):  # other rules start counting anew
            for watch, count in zip(self._watches, values["watches"], strict=True):
                watch.count = count
        if self._output.lines is not None:
            self._output.lines.means.restore(values["means"])

    # Playing ----------------------------------------------------------------------------------

    def run(
        self,
        out: str | Path | None,
        console: Console,
        shown: dict[str, str],
        monitor: Callback,
        rejected: Sequence[Rejection] = (),
        resume: bool = False,
        force: bool = False,
        show: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        """Play all phases, in the run folder `out` if it is given.

        resume: go on from its newest whole checkpoint, if there is one; force: even where configuration or data
        differ. rejected: goes to its rejected.csv. shown: figure -> label in the progress bar. monitor: called after
        each step, may add to its logs. show: texts and pictures for TensorBoard.
        Raises RunError for a folder that holds another run, DivergedError when going back did not help, Interrupted
        after a signal, unless a person is there to use what was trained so far.
        """
        for module in self.modules.values():
            module.train()
        self._output = output = Output(console, shown)
        held = ExitStack()
        try:
            if out is not None:
                claim(out, resume)
                held.enter_context(alone(out))
                self._open(RunFolder(out, self.config.checkpoint), rejected, resume, force)
                if self.config.tensorboard and not distributed.rank():
                    output.open_board(self.config.log_every, show, self.config.monitor_every, self.step)
            with Interruption() as interruption, hushed():  # it has a line of its own
                self._play_on(monitor, interruption)
        except Interrupted as stop:
            output.say(f"stopped by signal {stop.number} after step {self.step}: {output.how_to_go_on()}.")
            if interactive():
                return
            raise
        finally:
            held.close()
            for module in self.modules.values():  # whoever samples from them, in whatever thread, switches nothing
                module.eval()
            output.close()
        for watch in self._watches:
            measured = watch.seen or watch.rule.figure in self.latest
            if not measured and watch.rule not in type(self.config)().watch:  # the one that comes with every run
                output.say(f"watch: no figure {watch.rule.figure!r} was ever measured, so its rule never applied.")
        best = self.config.checkpoint.best
        if best and best not in self.latest:
            output.say(f"checkpoint.best: no figure {best!r} was ever measured, so no checkpoint is the best.")

    def _play_on(self, monitor: Callback, interruption: Interruption) -> None:
        """Play to the end, from the last good moment again after a divergence; save."""
        self._keep()
        while True:
            try:
                self._play(monitor, interruption)
                break
            except DivergedError as trouble:
                self._go_back(trouble)
        self._output.flush(self._played)
        self._save()

    def _open(self, run: RunFolder, rejected: Sequence[Rejection], resume: bool, force: bool) -> None:
        """Make the run folder ready and, to resume, put its newest checkpoint back."""
        self._output.open(run, self.config.log_every)
        stored = run.newest(self._output.say)
        if stored is not None:
            with stored.as_checkpoint_error():
                if not force:
                    refuse_changes(run.folder, stored, self.config, self.extra[1])
                self.restore(stored.tensors(self.device), stored.values)
            self.latest, self._saved = stored.figures, self.step
            self._output.say(f"resuming {run.folder} at step {self.step}")
        if not distributed.rank():
            write_text(run.folder / "config.toml", self.config.dump())
            write_rejected(rejected, run.folder / "rejected.csv")
        run.cut_log(self.step)

    def _play(self, monitor: Callback, interruption: Interruption) -> None:
        """Play what is left of every phase."""
        saves = Due(self.config.checkpoint.every, self.config.checkpoint.minutes)
        for phase in self.phases:
            left = range(max(self.step, phase.steps.start), phase.steps.stop)
            if not left:
                continue
            if left.start == phase.steps.start and not self._within:
                phase.enter()

            def after(step: int, logs: dict[str, float], phase: Phase = phase) -> bool:
                return self._after(phase, step, logs, monitor, saves, interruption)

            with self._output.bar(phase.name, left) as bar:
                seed = (self.config.seed, self.rollbacks)
                factor = self.config.recovery.rate**self.rollbacks
                try:
                    play(phase.players, phase.batches, left, [after, bar], seed, factor, self._precision, self._place)
                except BaseException as error:
                    if any(steering.unanswered for steering in self._shapings):
                        self._break_off(phase, error)
                    raise

    def _precision(self) -> torch.autocast:
        """What losses are computed in."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16", cache_enabled=False
        )

    def _after(
        self,
        phase: Phase,
        step: int,
        logs: dict[str, float],
        monitor: Callback,
        saves: Due,
        interruption: Interruption,
    ) -> bool:
        """What follows a step; whether the phase is over. A phase that ends early counts in full."""
        self._within = False
        endings = [callback(step, logs) for callback in phase.callbacks]
        endings += [steering.ending for steering in self._shapings]
        enough = any(endings)
        self.step = phase.steps.stop if enough else step + 1
        self._played = step + 1
        monitor(step, logs)
        self.latest |= logs
        self._output.log(step, logs)
        for watch in self._watches:  # after the log, which then has the reading that stops a run
            watch(step, logs)
        doubted = any(watch.count for watch in self._watches if watch.rule.action == "roll_back")
        for reason in endings:
            if isinstance(reason, str) and reason:
                done = step + 1 - phase.steps.start
                text = f"{phase.name}: ended after {done:,} of at most {len(phase.steps):,} steps; {reason}."
                self._output.note(step + 1, text)
        if saves(step) and not doubted:  # what may have to be left again is no place to go back to
            self._keep()
            self._save()
        asked = int(distributed.largest(float(interruption.number or 0)))
        if asked:
            self._save()
            raise Interrupted(asked)
        return enough

    def _break_off(self, phase: Phase, error: BaseException) -> None:
        """Save a step that waited for a reward which failed, so that its step runs again; say how to go on.

        Raises the error anew, with that sentence, where it is for a person to read.
        """
        phase.batches.position = self._place.position  # pyright: ignore
        self._within = True
        if distributed.processes() == 1:
            self._save()
        where = self._output.how_to_go_on()
        if isinstance(error, UserError):
            raise type(error)(f"{error} Stopped after step {self.step}: {where}.") from error
        self._output.say(f"stopped within a reward ({type(error).__name__}) after step {self.step}: {where}.")

    def _keep(self) -> None:
        """Remember this moment as good."""
        tensors, values = self.state()
        self._good = ({name: tensor.clone() for name, tensor in tensors.items()}, values), dict(self.latest)

    def _save(self) -> None:
        """Write a checkpoint, where there is a run folder."""
        folder = self._output.folder
        if folder is not None and self._saved != self.step:
            with self._output.writing(self.step):
                folder.save(self.step, *self.state(), self.latest)
            self._saved = self.step

    def _go_back(self, trouble: DivergedError) -> None:
        """To the last good moment, with lower learning rates and other randomness; the trouble again if too often."""
        times = self.rollbacks + 1
        if times > self.config.recovery.times or self._good is None:
            note = f" Going back {self.rollbacks} times did not help." if self.rollbacks else ""
            raise DivergedError(f"{trouble}{note}") from None
        step = self.step
        state, self.latest = self._good[0], dict(self._good[1])
        self.restore(*state)
        self.rollbacks, self._saved = times, -1
        factor = self.config.recovery.rate**times
        self._output.note(
            step,
            f"{trouble} Going back to step {self.step}, all learning rates times {factor:g} "
            f"(time {times} of at most {self.config.recovery.times}).",
        )
