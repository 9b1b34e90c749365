"""The inputs of a one-shot generator: noise or codes of molecules, requests, latent codes."""

import torch
from torch import Tensor, nn

from gancore.losses.elbo import gaussian_kl, reconstruction
from gancore.training import distributed
from gancore.training.ema import EMA
from gancore.types import Batch, Context, Sample
from molgan.data import graphs
from molgan.networks.one_shot import Encoder
from molgan.recipes.codes import Codes
from molgan.recipes.graph_recipe import GraphRecipe
from molgan.recipes.latent_gan import LatentGAN


class LatentInputs(GraphRecipe):
    """The generator's inputs in training and in sampling, and the encoder that gives codes of molecules."""

    generator: nn.Module
    encoder: Encoder
    codes: Codes
    latent_gan: LatentGAN | None = None
    averaged: EMA

    def encode(self, real: Batch) -> tuple[Tensor, Tensor]:
        """A draw of each molecule's code `(batch, latent)`, and the KL of its distribution in nats `(batch,)`."""
        mean, log_var = self.encoder(real.sample, real.context)
        return mean + (0.5 * log_var).exp() * distributed.normal_like(mean), gaussian_kl(mean, log_var)

    def encoded(self, real: Batch) -> tuple[Batch, Tensor]:
        """A batch with some conditions hidden, and the code of each molecule: what a latent GAN learns from."""
        real = self.hide_conditions(real)
        return real, self.encode(real)[0]

    @torch.no_grad()
    def reconstruction_error(self, sample: Sample, context: Context | None = None) -> Tensor:
        """Nats `(batch,)` that the averaged generator needs for each graph from the mean of its code."""
        code, _ = self.encoder(sample, context)
        logits = self.averaged.average(code, graphs.node_mask(sample[0]), self.generator_context(context))
        return reconstruction(logits, sample)

    def noise(self, n: int) -> Tensor:
        """Fresh normal input of the generator, `(n, latent)`; of styles that are mixed, `(n, layer, latent)`."""
        model, device = self.config.model, self.device
        noise = distributed.draw_global(lambda rows: torch.randn(rows, model.noise, device=device), n)
        return self.generator.mixed(noise, model.mixing) if model.mixing else noise  # pyright: ignore

    def inputs_for(self, real: Batch) -> tuple[Tensor, Tensor]:
        """What the generator makes graphs of beside a batch in training: noise, and the places that hold an atom.

        These are the batch's; of exemplars the noise is codes near theirs. Those of the batch where something is asked
        of it, as only they are known to meet it; else any, so that a critic does not compare a draw with its origin.
        """
        noise = self.noise(len(real))
        if self.config.model.prior == "exemplars" and real.context is None:
            kept = len(self.held[0])
            real = self.exemplars(distributed.draw_global(lambda n: torch.randint(kept, (n,)), len(real)))
        codes = self.near_codes(real, noise) if self.config.model.prior == "exemplars" else noise
        return codes, graphs.node_mask(real.sample[0])

    @property
    def held(self) -> tuple[Tensor, Tensor]:
        """Atoms and bond orders of the training molecules that a model of `model.prior=exemplars` keeps."""
        assert self.space.exemplars is not None
        return self.space.exemplars

    def exemplars(self, rows: Tensor) -> Batch:
        """Training molecules that the model keeps, with their conditions."""
        examples = self.space.examples
        atoms, orders = (part[rows].long().to(self.device) for part in self.held)
        own = examples.context[rows].to(self.device) if examples is not None else None
        return Batch(self.one_hots(atoms, orders), own)

    @torch.no_grad()
    def near_codes(self, real: Batch, noise: Tensor) -> Tensor:
        """Codes that stray from those of molecules (exemplar VAE, Norouzi et al. 2020). noise: standard normal."""
        mean, log_var = self.encoder(real.sample, real.context)
        return mean + self.config.model.stray * (0.5 * log_var).exp() * noise

    def sample_inputs(self, n: int, random: torch.Generator, context: Context | None = None) -> tuple[Tensor, Tensor]:
        """Noise or codes `(n, latent)` and the places that hold an atom `(n, node)`, by the request if there is one."""
        if self.space.exemplars is None:
            present = self.space.present(n, random, self.device, context)
            noise = torch.randn(n, self.config.model.noise, device=self.device, generator=random)
            return (noise if self.latent_gan is None else self.latent_gan.codes(noise, present, context)), present
        real = self.exemplars(self.space.exemplar_rows(n, random, context))
        noise = torch.randn(n, self.config.model.noise, device=self.device, generator=random)
        return self.near_codes(real, noise), graphs.node_mask(real.sample[0])

    def generator_context(self, context: Context | None, code: Context | None = None) -> Context | None:
        """What the generator reads beside noise: request and code of each sample, unknown where there is none."""
        return self.codes.beside(context, code, self.space.context_features)
