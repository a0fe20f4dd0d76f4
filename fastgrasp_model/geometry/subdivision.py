"""One step of Loop subdivision as a matrix, so that the smooth mesh of every pose is one product.

C. Loop, "Smooth Subdivision Surfaces Based on Triangles", 1987, with his original weights; borders become
cubic splines.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, vstack


def loop_subdivision(faces: np.ndarray, count: int) -> tuple[csr_matrix, np.ndarray]:
    """The matrix that takes `count` vertices to the subdivided ones, and the finer faces.

    Args:
        faces: (F, 3) triangles of a surface, open or closed, every edge in at most two of them.
        count: number of vertices V; each must belong to a face.

    Returns:
        Sparse (V + E, V) for E edges, first the old vertices moved and then one vertex per edge, and faces
        (4 F, 3) int64.
    """
    faces = np.asarray(faces, dtype=np.int64)
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges, side_edge = np.unique(sides, axis=0, return_inverse=True)
    side_edge = side_edge.reshape(-1)
    opposite = faces[:, [2, 0, 1]].T.reshape(-1)  # the corner across each side
    inner = np.bincount(side_edge, minlength=len(edges)) == 2
    edge_vertices = _edge_rows(edges, inner, side_edge, opposite, count)
    old_vertices = _vertex_rows(edges, inner, count)
    a, b, c = faces.T
    ab, bc, ca = count + side_edge.reshape(3, -1)
    fine = np.concatenate(
        [np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
    )
    return vstack([old_vertices, edge_vertices]).tocsr(), fine


def _edge_rows(edges, inner, side_edge, opposite, count: int) -> csr_matrix:
    """New vertices: 3/8 of each end and 1/8 of each opposite corner, or the middle of a border edge."""
    number = np.arange(len(edges))
    ends = coo_matrix(
        (np.repeat(np.where(inner, 0.375, 0.5), 2), (np.repeat(number, 2), edges.reshape(-1))),
        (len(edges), count),
    )
    across = coo_matrix((np.where(inner[side_edge], 0.125, 0.0), (side_edge, opposite)), (len(edges), count))
    return (ends + across).tocsr()


def _vertex_rows(edges, inner, count: int) -> csr_matrix:
    """Old vertices: drawn to their neighbours; on a border only along it."""

    def neighbours(chosen: np.ndarray) -> csr_matrix:
        pairs = np.concatenate([edges[chosen], edges[chosen][:, ::-1]])
        return coo_matrix((np.ones(len(pairs)), pairs.T), (count, count)).tocsr()

    on_border = np.zeros(count, dtype=bool)
    on_border[edges[~inner]] = True
    whole = neighbours(np.ones(len(edges), dtype=bool))
    valence = np.maximum(np.asarray(whole.sum(axis=1)).reshape(-1), 1)
    beta = (0.625 - (0.375 + 0.25 * np.cos(2 * np.pi / valence)) ** 2) / valence
    keep = np.where(on_border, 0.75, 1 - valence * beta)
    share_inner, share_border = np.where(on_border, 0.0, beta), np.where(on_border, 0.125, 0.0)
    return (diags(keep) + diags(share_inner) @ whole + diags(share_border) @ neighbours(~inner)).tocsr()
