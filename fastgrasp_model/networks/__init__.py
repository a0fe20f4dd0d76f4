"""The networks of FastGrasp: object encoders, what a view hides, hand autoencoder, denoiser, adaptation, CVAE."""

from fastgrasp_model.networks.adaptation import AdaptationModule, PlainAdaptationModule
from fastgrasp_model.networks.autoencoder import HandAutoencoder
from fastgrasp_model.networks.denoiser import LatentDenoiser
from fastgrasp_model.networks.grasp_evaluator import Graspability, GraspEvaluator
from fastgrasp_model.networks.implicit_shape import ImplicitShape
from fastgrasp_model.networks.object_encoder import BasisPointEncoder, PointNetObjectEncoder
from fastgrasp_model.networks.shape_completion import ShapeCompletion
from fastgrasp_model.paper.cvae import HandCVAE

__all__ = [
    "AdaptationModule", "ShapeCompletion", "BasisPointEncoder", "GraspEvaluator", "HandAutoencoder", "HandCVAE", "LatentDenoiser",
    "Graspability", "PlainAdaptationModule", "PointNetObjectEncoder", "ImplicitShape",
]  # fmt: skip
