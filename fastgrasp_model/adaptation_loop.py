"""The adaptation loop: rounds of z <- z + f(z, object), the same in generation and in training.

A model brings two methods: `sense`, which returns the contact features of the hands that latents stand for, and
`correction`, which returns z2. The paper's model has one round and senses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from fastgrasp_model.networks.contact_features import QueryPoints

if TYPE_CHECKING:
    from fastgrasp_model.grasp_model import GraspModel, ObservedObject


class Senses(NamedTuple):
    """Of hands: query points, contact features (B, P, F), and the implicit shape head's output (B, P, 4), if
    learned."""

    query: QueryPoints | None = None
    features: Tensor | None = None
    implicit: Tensor | None = None


class Round(NamedTuple):
    """A round: what the hands before it sensed, the step z2 (B, latent), and the latents after it (B, latent)."""

    senses: Senses
    step: Tensor
    latent: Tensor


def adaptation_rounds(
    model: GraspModel, latent: Tensor, betas: Tensor, observed: ObservedObject, implicit_round: int | None = None
) -> Iterator[Round]:
    """Yield the configured rounds for latents z1 (B, latent) and hand shapes betas (B, 10).

    Gradients reach only the step of a round, not the rounds before it. In the round `implicit_round` they also reach
    the implicit shape head, through `Senses.implicit`.
    """
    for number in range(model.config.rounds):
        senses = model.sense(latent, betas, observed, number == implicit_round)
        step = model.correction(latent, observed, senses)
        yield Round(senses, step, latent + step)
        latent = (latent + step).detach()
