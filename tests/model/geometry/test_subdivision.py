"""Loop subdivision against trimesh's on a closed surface, and by its rule on a border."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from fastgrasp_model.geometry.subdivision import loop_subdivision


def test_the_same_closed_surface_as_trimesh():
    mesh = trimesh.creation.icosphere(subdivisions=1)
    mesh.vertices *= (1.0, 0.7, 0.4)
    matrix, faces = loop_subdivision(mesh.faces, len(mesh.vertices))
    found = trimesh.Trimesh(matrix @ mesh.vertices, faces, process=False)
    expected, _ = trimesh.remesh.subdivide_loop(mesh.vertices, mesh.faces, iterations=1)
    assert len(found.faces) == 4 * len(mesh.faces) and found.is_watertight and found.volume > 0
    assert cKDTree(expected).query(found.vertices)[0].max() < 1e-9


def test_a_border_moves_only_along_itself():
    """A fan of six triangles about vertex 0: its border is the hexagon 1 ... 6."""
    ring = np.arange(1, 7)
    faces = np.stack([np.zeros(6, dtype=int), ring, np.roll(ring, -1)], axis=1)
    matrix, fine = loop_subdivision(faces, 7)
    rows = matrix.toarray()
    assert fine.shape == (24, 3) and rows.shape == (7 + 12, 7)
    assert rows.sum(axis=1) == pytest.approx(np.ones(19))
    for vertex in ring:
        neighbours = [1 + (vertex - 2) % 6, 1 + vertex % 6]
        assert rows[vertex, vertex] == 0.75 and rows[vertex, neighbours] == pytest.approx([0.125, 0.125])
    border_edges = [row for row in rows[7:] if row[0] == 0]
    assert len(border_edges) == 6 and all(sorted(row)[-2:] == [0.5, 0.5] for row in border_edges)
    assert rows[0, 0] == pytest.approx(0.625) and rows[0, 1:] == pytest.approx(np.full(6, 0.0625))
