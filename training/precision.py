"""Mixed precision: the networks compute in bfloat16, everything between them in float32.

Autocast is switched on around the networks only, and their outputs are float32 again. Signed distances, rotations,
skinning, losses, weights, gradients and Adam never see a bfloat16 number.
"""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch import nn

from fastgrasp_model.grasp_model import GraspModel

# Not among them: the linear maps beside the autoencoder's networks, which have to be exact to the millimetre, and the
# rigid fit of the palm.
NETWORKS = (
    "autoencoder.encoder", "autoencoder.decoder", "autoencoder.vertex_encoder", "denoiser", "object_encoder",
    "graspability_prior", "adaptation", "grasp_evaluator", "graspability", "implicit_shape", "implicit_shape.encoder",
    "shape_completion", "cvae.encoder", "cvae.decoder", "cvae.vertex_encoder",
)  # fmt: skip


def networks(model: GraspModel) -> list[nn.Module]:
    """Return the modules that mixed precision is for."""
    known = dict(model.named_modules())
    return [known[name] for name in NETWORKS if name in known and list(known[name].parameters())]


_paused = False


@contextmanager
def full_precision():
    """Let networks compute in float32 within `lowered` too, as they do in generation."""
    global _paused
    before, _paused = _paused, True
    try:
        yield
    finally:
        _paused = before


@contextmanager
def lowered(model: GraspModel, precision: str):
    """Let the model's networks compute in `precision`: "bf16", or "32", which changes nothing."""
    chosen = networks(model) if precision == "bf16" else []
    for module in chosen:
        module.forward = _in_bfloat16(module.forward)
    try:
        yield
    finally:
        for module in chosen:
            del module.forward


def _in_bfloat16(forward):
    def lowered_forward(*inputs):
        device = next(x for x in inputs if x is not None).device.type
        with torch.autocast(device, torch.bfloat16, enabled=not _paused):
            found = forward(*inputs)
        return found.float() if isinstance(found, torch.Tensor) else type(found)(*(part.float() for part in found))

    return lowered_forward
