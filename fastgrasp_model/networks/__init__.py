"""The networks of FastGrasp: object encoders, hand autoencoder, denoiser, adaptation module."""

from fastgrasp_model.networks.adaptation import AdaptationModule
from fastgrasp_model.networks.autoencoder import HandAutoencoder
from fastgrasp_model.networks.denoiser import LatentDenoiser
from fastgrasp_model.networks.object_encoder import BasisPointEncoder, PointNetObjectEncoder

__all__ = ["AdaptationModule", "BasisPointEncoder", "HandAutoencoder", "LatentDenoiser", "PointNetObjectEncoder"]
