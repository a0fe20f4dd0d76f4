"""The networks of the published method, and the CVAE."""

import pytest
import torch

from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.autoencoder import PalmFrame
from fastgrasp_model.networks.layers import mlp
from fastgrasp_model.paper.adaptation import PaperAdaptation
from fastgrasp_model.paper.autoencoder import PaperAutoencoder
from fastgrasp_model.paper.cvae import HandCvae, divergence
from fastgrasp_model.paper.pointnet import AlignmentNet, PaperObjectEncoder, PointNet, linear_stack, pooled


def _millions(net):
    return sum(parameter.numel() for parameter in net.parameters()) / 1e6


@pytest.fixture(scope="module")
def hand():
    return ManoLayer.from_file()


def test_sizes_are_the_published_ones():
    assert abs(_millions(PaperAutoencoder(768, 1024)) - 11.7) < 0.1
    assert abs(_millions(PaperAdaptation(768)) - 8.6) < 0.1


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


def test_adaptation_begins_as_no_change_and_reads_one_cloud_once():
    torch.manual_seed(0)
    net = PaperAdaptation(16).eval()
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


def test_object_encoder_is_the_pointnet_alone():
    net = PaperObjectEncoder()
    points = net.features(0.05 * torch.randn(2, 30, 3))
    context = torch.zeros(2, 9)
    torch.testing.assert_close(net(points, context), net(points, context + 1))
    assert net(points, context).shape == (2, 1024)


@pytest.mark.parametrize("stack", [mlp, linear_stack])
def test_cvae_reads_hand_and_object(hand, stack):
    torch.manual_seed(0)
    encoder = PalmFrame(hand)
    net = HandCvae(encoder, encoder.width, 16, 8, 32, stack)
    vertices, condition = hand.v_template.expand(2, -1, -1), torch.randn(2, 16)
    mean, log_variance = net.posterior(vertices, condition)
    assert mean.shape == log_variance.shape == (2, 8)
    assert not torch.allclose(mean, net.posterior(vertices, condition + 1)[0])
    representation = net.decode_representation(torch.randn(2, 8), condition)
    assert representation.shape == (2, 64) and net.decode(representation).hand_pose.shape == (2, 45)


def test_divergence_of_known_gaussians():
    assert float(divergence(torch.zeros(3, 4), torch.zeros(3, 4))) == 0
    shifted = torch.distributions.Normal(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0]))
    exact = torch.distributions.kl_divergence(shifted, torch.distributions.Normal(0.0, 1.0)).sum()
    torch.testing.assert_close(divergence(shifted.mean[None], shifted.variance.log()[None]), exact)
