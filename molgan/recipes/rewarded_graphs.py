"""Rewards of a one-shot generator: the policy gradient on hard draws, and replay of the best molecules."""

import torch
from torch import Tensor

from gancore.errors import ConfigError
from gancore.io.background_call import BackgroundCall
from gancore.losses.elbo import reconstruction
from gancore.losses.policy_gradient import leave_one_out, policy_gradient
from gancore.training.ema import EMA
from gancore.types import Batch, Context
from molgan.data import graphs
from molgan.networks.sampling import GraphDraw, draw_graphs
from molgan.recipes.graph_recipe import Scored
from molgan.recipes.latent import LatentInputs
from molgan.recipes.pending_samples import PendingSamples


class RewardedGraphs(LatentInputs):
    """The rewards of draws that come from logits of all atoms and bonds at once.

    scores: of the draws of a turn, worked out meanwhile. late: these draws, where `reward.overlap` keeps them.
    """

    capacity: Tensor
    averaged: EMA
    scores: BackgroundCall
    late: PendingSamples | None

    def reward_terms(
        self, noise: Tensor, drawn_once: GraphDraw, context: Context | None = None, inputs: Context | None = None
    ) -> dict[str, Tensor]:
        """Policy gradient on several draws of some of the step's logits, each draw against the others' mean.

        context: what was requested of these draws. inputs: that and their codes.
        """
        reward = self.config.reward
        if self.late is not None and inputs is not None:
            raise ConfigError("reward.overlap keeps no conditions and no codes of its draws: leave it out.")
        noises = max(1, round(reward.share * len(drawn_once.atoms)))
        rows = torch.arange(noises, device=self.device) * len(drawn_once.atoms) // noises  # spread over the batch
        noise, context, inputs = noise[rows], *(part[rows] if part is not None else None for part in (context, inputs))
        nodes, bonds, present = (
            part[rows].repeat_interleave(reward.draws, 0)
            for part in (drawn_once.node_logits, drawn_once.bond_logits, drawn_once.present)
        )
        drawn = draw_graphs(nodes, bonds, present, self.capacity)
        pending = noise, drawn
        if self.late is None:
            scored = self.guarded(self.score, drawn.atoms, drawn.orders) if reward.reads_strings else None
        elif self.late.filled:
            (noise, drawn), scored = self.fetch()
        else:
            self.send(*pending)
            return {}
        requested = context[torch.arange(noises).repeat_interleave(reward.draws)] if context is not None else None
        earned, figures = self.rewards(drawn, scored, requested)
        if self.late is not None:
            self.send(*pending)  # only now: the rewards may have begun the next stage of the score
        advantage = leave_one_out(earned.view(-1, reward.draws)).flatten()
        losses = {"policy": policy_gradient(drawn.log_prob, advantage).mean()} | figures
        if reward.kl and (reward.steers or reward.request):
            with torch.no_grad():
                anchor = self.averaged(noise, drawn.present[:: reward.draws], inputs)
            anchor_nodes, anchor_bonds = (part.repeat_interleave(reward.draws, 0) for part in anchor)
            losses["anchor"] = drawn.kl_from(anchor_nodes, anchor_bonds).mean() * reward.kl
        return losses

    def send(self, noise: Tensor, drawn: GraphDraw) -> None:
        """Keep this turn's draws for the next, and have them scored meanwhile."""
        assert self.late is not None
        self.late.keep(noise, drawn)
        if self.config.reward.weight:
            self.scores.start(drawn.atoms.cpu().numpy(), drawn.orders.cpu().numpy())

    def fetch(self) -> tuple[tuple[Tensor, GraphDraw], Scored | None]:
        """The draws of the turn before and the noise they came from, under the present weights; their scores."""
        assert self.late is not None
        drawn = self.late.under(self.generator, self.capacity)
        scored = self.guarded(self.scores.result, drawn.atoms, drawn.orders) if self.config.reward.weight else None
        return (self.late.noise.clone(), drawn), scored

    def replay_terms(self) -> dict[str, Tensor]:
        """The evidence bound of the best molecules so far."""
        kept = self.best_so_far()
        if kept is None:
            return {}
        best = self.one_hots(*kept)
        code, kl = self.encode(Batch(best))
        logits = self.generator(code, graphs.node_mask(best[0]))
        return {"replay": (reconstruction(logits, best) + kl).mean() * self.config.reward.replay.weight}

    def rewards(
        self, drawn: GraphDraw, scored: Scored | None = None, context: Context | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Reward of each draw `(batch,)`, and figures for the log: share valid, mean score of the valid.

        scored: the SMILES of each draw and its RDKit score, 0 for an invalid one.
        """
        valid = graphs.valid(drawn.atoms, drawn.orders, self.capacity)
        earned, figures = self.rewards_of(drawn.hard, scored, context)
        earned = earned + valid.float() * self.config.reward.validity
        figures["_connected"] = valid.float().mean()
        if scored is not None and self.config.reward.weight:
            figures["_score"] = torch.from_numpy(scored[1]).float().to(self.device).sum() / valid.sum().clamp_min(1)
        return earned, figures
