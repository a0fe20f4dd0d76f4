"""The wrench check: cases with an answer on paper, and random ones against scipy's solver of pyramids."""

import numpy as np
import pytest
import torch
import trimesh
from scipy.optimize import nnls

from fastgrasp_evaluation.physics import wrench
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_evaluation.physics.wrench import WrenchSettings, wrench_residual

X, Y, Z = torch.eye(3)
EXACT = WrenchSettings(rounds=2000)


def pinch(limit, friction, offset=0.0, rounds=400):
    """The residuals (6,) of two single points that pinch at x = -3 cm and 3 cm, `offset` metres along y."""
    normals = torch.stack([X, -X])[None]
    points = 0.03 * normals + offset * Y
    settings = WrenchSettings(friction=friction, rounds=rounds)
    return wrench_residual(points, normals, torch.full((1, 2), limit), settings)[0]


def test_a_pinch_holds_when_twice_the_friction_exceeds_the_weight():
    assert pinch(20.0, 0.8).max().item() == pytest.approx(0.0, abs=1e-3)
    across = pinch(20.0, 0.2)[2:]  # 2 x 0.2 x 20 N of 9.8 N
    assert across.tolist() == pytest.approx([1.8] * 4, abs=0.01)


def test_along_the_pinch_one_finger_carries_the_weight_up_to_its_limit():
    assert pinch(9.8, 0.8)[:2].tolist() == pytest.approx([0.0, 0.0], abs=0.01)
    assert pinch(6.0, 0.8)[:2].tolist() == pytest.approx([3.8, 3.8], abs=0.01)


def test_two_points_cannot_resist_a_twist_about_the_line_between_them():
    residual = pinch(40.0, 0.8, offset=0.05)
    # t newtons along z leave 9.8 - t of force and, with a lever of one length, t of torque: 4.9 each at best
    assert residual[4:].tolist() == pytest.approx([4.9 * 2**0.5] * 2, abs=0.01)


def test_patches_resist_the_twist_that_points_cannot():
    ring = 0.02 * torch.stack([Y, -Y, Z, -Z])
    points = torch.cat([0.03 * X + ring, -0.03 * X + ring])[None] + 0.05 * Y
    normals = torch.cat([X.repeat(4, 1), -X.repeat(4, 1)])[None]
    residual = wrench_residual(points, normals, torch.full((1, 8), 20.0), WrenchSettings(friction=0.8, rounds=400))
    assert residual.max().item() == pytest.approx(0.0, abs=0.01)


def test_a_shelf_holds_what_lies_on_it_and_nothing_else():
    corners = torch.tensor([[0.03, 0.03], [0.03, -0.03], [-0.03, 0.03], [-0.03, -0.03]])
    points = torch.cat([corners, torch.full((4, 1), -0.03)], dim=1)[None]
    residual = wrench_residual(points, -Z.expand(1, 4, 3), torch.full((1, 4), 20.0), EXACT)[0]
    assert residual[5].item() == pytest.approx(0.0, abs=1e-3)  # pulled onto the shelf
    assert residual[4].item() == pytest.approx(9.8, abs=1e-3)  # pulled off it


def test_no_contact_leaves_the_whole_weight():
    points, normals, limits = random_contacts(3, 5, seed=0)
    torch.testing.assert_close(wrench_residual(points, normals, 0.0 * limits), torch.full((3, 6), 9.8))
    assert wrench_residual(points[:0], normals[:0], limits[:0]).shape == (0, 6)


def random_contacts(batch, count, seed):
    generator = torch.Generator().manual_seed(seed)
    normals = torch.nn.functional.normalize(torch.randn(batch, count, 3, generator=generator), dim=-1)
    points = 0.04 * normals + 0.01 * torch.randn(batch, count, 3, generator=generator)
    return points, normals, 1.0 + 5.0 * torch.rand(batch, count, generator=generator)


def reference_residual(points, normals, limits, direction, s, edges=64):
    """The same programme by scipy's `nnls` in float64: each cone a pyramid of many edges, the limits as heavy rows."""
    first = np.cross(normals, np.random.default_rng(0).normal(size=3))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    angle = 2 * np.pi * np.arange(edges)[:, None] / edges
    rims = [np.cos(angle) * a + np.sin(angle) * np.cross(n, a) for n, a in zip(normals, first, strict=True)]
    forces = s.friction * np.stack(rims) - normals[:, None]  # (C,edges,3)
    torques = np.cross(points[:, None], forces) / s.length
    wrenches = np.concatenate([forces, torques], axis=2).reshape(-1, 6).T
    count, heavy = len(points), 1e4
    sums = heavy * np.hstack([np.kron(np.eye(count), np.ones(edges)), np.eye(count)])  # a slack fills up the limit
    matrix = np.vstack([np.hstack([wrenches, np.zeros((6, count))]), sums])
    wanted = np.concatenate([-9.8 * direction, np.zeros(3), heavy * limits])
    shares = nnls(matrix, wanted, maxiter=100 * matrix.shape[1])[0]
    return np.linalg.norm((matrix @ shares - wanted)[:6])


@pytest.mark.parametrize("count", [2, 4, 7, 16])
def test_random_contacts_agree_with_pyramids_of_many_edges(count):
    points, normals, limits = random_contacts(4, count, seed=count)
    limits = 4.0 * limits / count
    s = WrenchSettings()
    residuals = wrench_residual(points, normals, limits, s)
    for row in range(4):
        arrays = [t[row].double().numpy() for t in (points, normals, limits)]
        for axis in (0, 3, 4):
            expected = reference_residual(*arrays, np.array(wrench.DIRECTIONS[axis], dtype=float), s)
            assert residuals[row, axis].item() == pytest.approx(expected, rel=0.005, abs=0.01)


def test_order_and_idle_contacts_do_not_matter():
    points, normals, limits = random_contacts(3, 9, seed=5)
    limits[:, 6:] = 0.0
    residual = wrench_residual(points, normals, limits, EXACT)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    for chosen in (order, slice(6)):
        found = wrench_residual(points[:, chosen], normals[:, chosen], limits[:, chosen], EXACT)
        torch.testing.assert_close(found, residual, atol=5e-3, rtol=0)


def test_rotating_everything_changes_nothing():
    points, normals, limits = random_contacts(3, 8, seed=6)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2)))[0]
    axes = torch.tensor(wrench.DIRECTIONS, dtype=torch.float32)
    rotated = wrench_residual(points @ turn, normals @ turn, limits, EXACT, directions=axes @ turn)
    torch.testing.assert_close(rotated, wrench_residual(points, normals, limits, EXACT), atol=5e-3, rtol=0)


def test_slopes_are_those_of_the_gap():
    torch.manual_seed(0)
    normals = torch.nn.functional.normalize(torch.randn(24, 6, 3), dim=-1)
    points, limits = 0.03 * normals + 0.005 * torch.randn(24, 6, 3), 1 + 3 * torch.rand(24, 6)
    settings = WrenchSettings(rounds=1000)
    points.requires_grad_(), limits.requires_grad_()
    residual = wrench.wrench_residual_with_gradient(points, normals, limits, settings)
    torch.testing.assert_close(residual.detach(), wrench_residual(points, normals, limits, settings), atol=2e-3, rtol=0)
    residual.sum().backward()
    for values, step, along in ((limits, 0.02, 0), (points, 4e-4, (0, 0))):
        change = torch.zeros_like(values)
        change[(slice(None), *np.atleast_1d(along))] = step
        both = [(points + c, limits) if values is points else (points, limits + c) for c in (change, -change)]
        up, down = (wrench_residual(p.detach(), normals, x.detach(), settings).sum(1) for p, x in both)
        slope, found = (up - down) / (2 * step), values.grad[(slice(None), *np.atleast_1d(along))]
        assert found.abs().max() > 0.1
        assert torch.corrcoef(torch.stack([slope, found]))[0, 1] > 0.99


def test_into_cones_gives_the_nearest_allowed_force():
    generator = torch.Generator().manual_seed(3)
    limits = torch.full((1, 50), 2.0)
    wanted = 4.0 * torch.randn(1, 50, 3, 1, generator=generator)
    nearest = wrench.into_cones(wanted, limits, 0.8)
    push, across = nearest[0, :, 0, 0], nearest[0, :, 1:, 0].norm(dim=1)
    assert (push >= 0).all() and (push <= 2.0 + 1e-6).all() and (across <= 0.8 * push + 1e-5).all()
    height = 2.0 * torch.rand(400, 1, generator=generator)
    circle = torch.nn.functional.normalize(torch.randn(400, 2, generator=generator), dim=1)
    allowed = torch.cat([height, 0.8 * height * circle], dim=1)  # on the rim, the extreme points of the set
    ahead = (wanted - nearest)[0, :, :, 0] @ allowed.T - ((wanted - nearest) * nearest).sum(2)[0]
    assert ahead.max().item() < 1e-4  # a nearest point of a convex set: everything allowed lies behind it


def plates(gap, outward=1.0):
    """Two 2 cm squares of skin `gap` metres from the sides x = -3 and 3 cm of a box, looking at it."""
    steps = np.linspace(-0.01, 0.01, 6)
    y, z = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    cell = np.arange(36).reshape(6, 6)
    a, b, c, d = (part.ravel() for part in (cell[:-1, :-1], cell[1:, :-1], cell[1:, 1:], cell[:-1, 1:]))
    upward = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])  # normals along +x
    left = np.stack([np.full(36, -0.03 - gap), y, z], 1)
    right = left * [-1, 1, 1]
    faces = np.concatenate([upward, upward[:, ::-1] + 36])
    vertices = torch.tensor(np.concatenate([left, right]), dtype=torch.float32)[None]
    return vertices, torch.tensor(faces if outward > 0 else faces[:, ::-1].copy())


@pytest.fixture(scope="module")
def box():
    mesh = trimesh.creation.box((0.06, 0.06, 0.06))
    return SignedDistanceGrids.from_meshes([(mesh.vertices, mesh.faces)], cells=48, dtype=torch.float32)


def found(box, vertices, faces, **changed):
    index = torch.zeros(len(vertices), dtype=torch.long)
    return wrench.hand_contacts(vertices, faces, box.query(vertices, index), box, index, WrenchSettings(**changed))


def test_contacts_of_two_plates_press_with_their_area_and_compression(box):
    points, normals, limits = found(box, *plates(0.0))
    assert limits.sum().item() == pytest.approx(2 * 4e-4 * 0.002 * 2.5e7, rel=0.03)  # two times 4 cm2
    assert (limits > 0).sum() == 24
    assert torch.equal(normals[0, :, 0].sign(), points[0, :, 0].sign())
    assert normals[0, :, 0].abs().min() > 0.99
    deeper = found(box, *plates(-0.001))[2].sum().item()
    assert deeper == pytest.approx(1.5 * limits.sum().item(), rel=0.03)


def test_skin_that_is_far_or_looks_away_is_no_contact(box):
    assert found(box, *plates(0.0025))[2].sum() == 0
    assert found(box, *plates(0.0, outward=-1.0))[2].sum() == 0


def test_a_plate_is_a_patch_and_resists_a_twist_that_two_points_do_not(box):
    vertices, faces = plates(-0.001)
    vertices = vertices + 0.02 * Y  # off the centre of mass, the lower edge still inside the side
    patch, points = (wrench_residual(*found(box, vertices, faces, count=n))[0, 4:].max().item() for n in (24, 2))
    assert patch < 0.5 * points


def test_no_patch_is_spent_on_skin_that_does_not_touch(box):
    vertices, faces = plates(0.0)
    points, _, limits = found(box, vertices + 0.0025 * X, faces)  # the right plate is 2.5 mm away
    assert (limits > 0).all() and (points[..., 0] < 0).all()


def test_worst_wrench_residual_is_the_worst_of_six_directions(box):
    vertices, faces = plates(0.0015)  # 5 N a side: too little along x, less wanting across it
    both = torch.cat([vertices, vertices + X])  # the second hand is a metre away
    index = torch.zeros(2, dtype=torch.long)
    residual = wrench.worst_wrench_residual(both, faces, box.query(both, index), box, index)
    assert residual.tolist() == pytest.approx([9.8 - 5.0, 9.8], abs=0.25)
    nobody = both[:0]
    assert wrench.worst_wrench_residual(nobody, faces, nobody[..., 0], box, index[:0]).shape == (0,)
