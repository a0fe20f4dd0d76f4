"""The networks of FastGrasp: object encoders, what a view hides, hand autoencoder, denoiser, adaptation, CVAE."""

from fastgrasp_model.networks.adaptation import AdaptationModule, PlainAdaptationModule
from fastgrasp_model.networks.autoencoder import HandAutoencoder
from fastgrasp_model.networks.back_view import BackView
from fastgrasp_model.networks.cvae import HandCVAE
from fastgrasp_model.networks.denoiser import LatentDenoiser
from fastgrasp_model.networks.judge import GraspJudge, PlaceJudge
from fastgrasp_model.networks.object_encoder import BasisPointEncoder, PointNetObjectEncoder
from fastgrasp_model.networks.shape_field import ShapeField

__all__ = [
    "AdaptationModule", "BackView", "BasisPointEncoder", "GraspJudge", "HandAutoencoder", "HandCVAE", "LatentDenoiser",
    "PlaceJudge", "PlainAdaptationModule", "PointNetObjectEncoder", "ShapeField",
]  # fmt: skip
