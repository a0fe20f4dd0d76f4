"""Surfaces: the numbers of a model found again, duplicates joined, wrists closed."""

import numpy as np
import pytest

from fastgrasp_evaluation.formats.errors import HandProblem
from fastgrasp_evaluation.formats.surface import closed_faces, numbering, outward, signed_volume, without_duplicates

FLAP = np.array([[0, 1, 2], [0, 2, 3]])  # closing it repeats its inner edge


def shuffled(faces, seed=0):
    """The same surface with other vertex numbers, faces in another order, each begun at another corner."""
    rng = np.random.default_rng(seed)
    place = rng.permutation(faces.max() + 1)
    mixed = place[faces][rng.permutation(len(faces))]
    return np.stack([np.roll(face, rng.integers(3)) for face in mixed]), place


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_numbers_of_a_shuffled_hand_are_found(layer, seed):
    model = layer("right").faces.numpy()
    closed, place = shuffled(layer("right").closed_faces.numpy(), seed)
    np.testing.assert_array_equal(numbering(closed, model), place)
    np.testing.assert_array_equal(numbering(layer("right").closed_faces.numpy(), model), np.arange(778))


def edge_turned(faces, number):
    """The mesh with the edge turned that this face shares with the next: as many faces, other triangles."""
    a, b, c = faces[number]
    other = next(i for i, face in enumerate(faces) if i != number and {a, b} <= set(face.tolist()))
    d = next(vertex for vertex in faces[other] if vertex not in (a, b))
    turned = faces.copy()
    turned[number], turned[other] = (a, d, c), (d, b, c)
    return turned


def test_another_surface_is_not_taken_for_the_model(layer):
    model = layer("right").faces.numpy()
    closed, _ = shuffled(layer("right").closed_faces.numpy())
    assert numbering(closed[:, ::-1], model) is None  # the other side
    assert numbering(closed[:1000], model) is None


@pytest.mark.parametrize("number", range(20, 1540, 80))
def test_one_edge_that_differs_is_noticed_wherever_it_is(layer, number):
    model = layer("right").faces.numpy()
    turned, _ = shuffled(edge_turned(layer("right").closed_faces.numpy(), number))
    assert numbering(turned, model) is None


@pytest.mark.parametrize("corner", [0, 1, 2])
def test_one_corner_that_differs_is_noticed_too(layer, corner):
    model = layer("right").faces.numpy()
    for number in range(20, 1540, 160):
        torn = layer("right").closed_faces.numpy().copy()
        torn[number, corner] = 777 - torn[number, corner]
        assert numbering(torn, model) is None


def test_duplicates_are_joined_in_the_order_of_their_use(layer):
    hand = layer("right")
    vertices, faces = hand.v_template.numpy(), hand.closed_faces.numpy()
    joined, numbers = without_duplicates(vertices[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3))
    np.testing.assert_array_equal(joined[numbers], vertices[faces])
    assert len(joined) == 778 and numbers[0].tolist() == [0, 1, 2]


def test_closing_and_turning(layer):
    hand = layer("right")
    vertices, closed = hand.v_template.numpy(), hand.closed_faces.numpy()
    np.testing.assert_array_equal(closed_faces(hand.faces.numpy()), closed)
    assert closed_faces(closed) is closed
    volume = signed_volume(vertices, closed)
    assert volume == pytest.approx(341e-6, rel=0.01)
    assert signed_volume(vertices, closed[:, ::-1]) == pytest.approx(-volume)
    assert signed_volume(vertices + 5.0, closed) == pytest.approx(volume, rel=1e-3)
    assert outward(vertices, closed) is closed
    np.testing.assert_array_equal(outward(vertices, closed[:, ::-1]), closed)
    for broken, message in ((closed[:0], "no faces"), (closed[1:-300], "wrist alone"), (FLAP, "cannot be closed")):
        with pytest.raises(HandProblem, match=message):
            closed_faces(broken)
