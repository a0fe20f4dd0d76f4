"""The grasp evaluator learns from all of its inputs."""

import pytest
import torch

from fastgrasp_model.networks.contact_features import CONTACT_FEATURES
from fastgrasp_model.networks.grasp_evaluator import GraspEvaluator
from fastgrasp_model.networks.hand_representation import REPRESENTATION


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_it_learns_from_contact_features_and_from_the_hand():
    evaluator = GraspEvaluator(condition=6, query_points=5, features=CONTACT_FEATURES, width=32)
    optimiser = torch.optim.Adam(evaluator.parameters(), lr=3e-3)

    def batch(count):
        hands, condition = torch.randn(count, REPRESENTATION), torch.randn(count, 6)
        features = torch.randn(count, 5, CONTACT_FEATURES)
        return (hands, condition, features), ((features[:, 2, 6] + hands[:, 0] + condition[:, 3]) > 0).float()

    for _ in range(300):
        inputs, holds = batch(128)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(evaluator(*inputs), holds)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    inputs, holds = batch(2000)
    assert evaluator(*inputs).shape == (2000,)
    assert ((evaluator(*inputs) > 0) == holds.bool()).float().mean() > 0.85
