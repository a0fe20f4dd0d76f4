"""The networks of the configuration `paper`, and the CVAE."""

import pytest
import torch

from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks import HandAutoencoder, HandCVAE, PlainAdaptationModule, PointNetObjectEncoder
from fastgrasp_model.paper.cvae import divergence
from fastgrasp_model.paper.pointnet import AlignmentNet, PointNet, pooled


def _millions(net):
    return sum(parameter.numel() for parameter in net.parameters()) / 1e6


@pytest.fixture(scope="module")
def hand():
    return ManoLayer.from_file()


def test_sizes_are_the_published_ones(hand):
    assert abs(_millions(HandAutoencoder(hand, 768, 1024, "pointnet", 0.0, plain=True)) - 11.7) < 0.1
    assert abs(_millions(PlainAdaptationModule(768)) - 8.6) < 0.1


def test_alignment_begins_as_nothing_and_then_turns_the_points():
    torch.manual_seed(0)
    points = torch.randn(2, 50, 3)
    net = AlignmentNet(3)
    torch.testing.assert_close(net(points), torch.eye(3).expand(2, 3, 3))
    aligned = PointNet(3, (16, 24), aligned=True)
    before = aligned(points)
    torch.nn.init.normal_(aligned.align_features.net[-1].weight, std=0.1)
    assert not torch.allclose(aligned(points), before)
    torch.testing.assert_close(aligned(points[:, torch.randperm(50)]), aligned(points))


@pytest.mark.parametrize("copies", [1, 60])
def test_pooling_of_critical_points_has_the_plain_values_and_gradients(copies):
    torch.manual_seed(0)
    net = PointNet(3, (16, 24)).point_mlp
    points = torch.randn(5, 60, 3)
    points[1, :copies] = points[1, :1].clone()  # one cloud with hardly any critical points
    weights, found = torch.randn(5, 24), []
    for pool in (pooled, lambda net, x: net(x).amax(1)):
        net.zero_grad()
        x = points.clone().requires_grad_()
        value = pool(net, x)
        (value * weights).sum().backward()
        # copies of one point share its gradient in any way: their sum is what counts
        touched = torch.cat([x.grad[1:2].sum(1), x.grad[[0, 2, 3, 4]].flatten(0, 1)])
        found.append((value.detach(), touched, *(p.grad.clone() for p in net.parameters())))
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        assert torch.equal(pooled(net, points), net(points).amax(1))


def test_plain_adaptation_begins_as_no_change_and_reads_one_cloud_once():
    torch.manual_seed(0)
    net = PlainAdaptationModule(16).eval()
    latent, cloud = torch.randn(3, 16), 0.05 * torch.randn(1, 40, 3).expand(3, -1, -1).clone()
    assert not net(latent, cloud).any()
    torch.nn.init.normal_(net.net[-1].weight, std=0.1)
    reads = []
    net.pointnet.register_forward_hook(lambda _net, inputs, _output: reads.append(len(inputs[0])))
    together = net(latent, cloud)
    other = cloud.clone()
    other[2] += 0.05
    apart = net(latent, other)
    torch.testing.assert_close(apart[:2], together[:2])
    assert not torch.allclose(apart[2], together[2], atol=1e-4)
    assert reads == [1, 3]


def test_plain_object_encoder_is_the_pointnet_alone():
    net = PointNetObjectEncoder(1024, plain=True)
    points = net.features(0.05 * torch.randn(2, 30, 3))
    context = torch.zeros(2, 9)
    torch.testing.assert_close(net(points, context), net(points, context + 1))
    assert net(points, context).shape == (2, 1024)


@pytest.mark.parametrize("encoder", ["ordered", "pointnet", "parameters"])
def test_cvae_reads_hand_and_object_and_decodes_to_a_code(hand, encoder):
    torch.manual_seed(0)
    net = HandCVAE(hand, 8, 16, 32, encoder)
    seen = torch.randn(2, 64) if encoder == "parameters" else hand.v_template.expand(2, -1, -1)
    condition = torch.randn(2, 16)
    mean, log_variance = net.encode(seen, condition)
    assert mean.shape == log_variance.shape == (2, 8)
    assert not torch.allclose(mean, net.encode(seen, condition + 1)[0])
    code = net.decode_code(torch.randn(2, 8), condition)
    assert code.shape == (2, 64) and net.decode(code).hand_pose.shape == (2, 45)


def test_divergence_of_known_gaussians():
    assert float(divergence(torch.zeros(3, 4), torch.zeros(3, 4))) == 0
    shifted = torch.distributions.Normal(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0]))
    exact = torch.distributions.kl_divergence(shifted, torch.distributions.Normal(0.0, 1.0)).sum()
    torch.testing.assert_close(divergence(shifted.mean[None], shifted.variance.log()[None]), exact)
