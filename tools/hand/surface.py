"""Surface tools that stay linear: subdivision, cutting and projection all return sparse rows over the source.

Because each is a sparse matrix, weights and shape directions follow the vertices through the whole build.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse


def catmull_clark(quads: np.ndarray, count: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """One Catmull-Clark step: rows (V', count) and quads (4 Q, 4). E. Catmull, J. Clark, CAD 10 (1978)."""
    face_count = len(quads)
    ends = np.sort(np.stack([quads, np.roll(quads, -1, 1)], 2).reshape(-1, 2), 1)
    edges, edge_of, uses = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    edge_of = edge_of.reshape(face_count, 4)
    rows = np.repeat(np.arange(face_count), 4)
    face_rows = sparse.csr_matrix((np.full(4 * face_count, 0.25), (rows, quads.ravel())), (face_count, count))

    numbers = np.repeat(np.arange(len(edges)), 2)
    middle = sparse.csr_matrix((np.full(2 * len(edges), 0.5), (numbers, edges.ravel())), (len(edges), count))
    edge_faces = sparse.csr_matrix((np.full(4 * face_count, 0.5), (edge_of.ravel(), rows)), (len(edges), face_count))
    inner = sparse.diags((uses == 2).astype(float))
    edge_rows = middle - inner @ middle * 0.5 + inner @ edge_faces @ face_rows * 0.5

    vertex_rows = _vertex_points(quads, edges, uses, count, face_rows, middle)
    offset_edge, offset_face = count, count + len(edges)
    new = np.stack(
        [
            quads,
            offset_edge + edge_of,
            np.repeat(offset_face + np.arange(face_count)[:, None], 4, 1),
            offset_edge + np.roll(edge_of, 1, 1),
        ],
        2,
    ).reshape(-1, 4)
    return sparse.vstack([vertex_rows, edge_rows, face_rows]).tocsr(), new


def _vertex_points(quads, edges, uses, count, face_rows, middle):
    """Rows (count, count) of the moved old vertices; on the boundary the 1/8, 6/8, 1/8 curve rule."""
    ones = np.ones(quads.size)
    faces_at = sparse.csr_matrix((ones, (quads.ravel(), np.repeat(np.arange(len(quads)), 4))), (count, len(quads)))
    edges_at = sparse.csr_matrix(
        (np.ones(edges.size), (edges.ravel(), np.repeat(np.arange(len(edges)), 2))), (count, len(edges))
    )
    valence = np.maximum(np.asarray(edges_at.sum(1)).ravel(), 1)
    rim = np.unique(edges[uses == 1])
    scale = sparse.diags(1 / valence)
    face_mean = scale @ faces_at @ face_rows
    edge_mean = scale @ edges_at @ middle
    keep = sparse.diags((valence - 3) / valence)
    inside = scale @ (face_mean + 2 * edge_mean) + keep
    rim_edges = edges_at @ sparse.diags((uses == 1).astype(float))
    curve = 0.5 * sparse.identity(count) + 0.25 * rim_edges @ middle
    on_rim = np.zeros(count)
    on_rim[rim] = 1
    return sparse.diags(1 - on_rim) @ inside + sparse.diags(on_rim) @ curve


def triangulate(quads: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Two triangles (2 Q, 3) per quad, split along the shorter diagonal."""
    a, b, c, d = quads.T
    first = np.linalg.norm(vertices[a] - vertices[c], axis=1) <= np.linalg.norm(vertices[b] - vertices[d], axis=1)
    one = np.where(first[:, None], np.stack([a, b, c], 1), np.stack([a, b, d], 1))
    two = np.where(first[:, None], np.stack([a, c, d], 1), np.stack([b, c, d], 1))
    return np.concatenate([one, two])


def cut_by_plane(vertices: np.ndarray, faces: np.ndarray, height: np.ndarray):
    """Keep what has height <= 0: (rows (V', V), faces). New vertices lie on the plane."""
    inside = height <= 0
    count = inside[faces].sum(1)
    parts, crossed, number = [faces[count == 3]], {}, len(vertices)

    def crossing(i: int, j: int) -> int:
        key = (min(i, j), max(i, j))
        return crossed.setdefault(key, number + len(crossed))

    extra = []
    for face in faces[(count == 1) | (count == 2)]:
        while not (inside[face[0]] and not inside[face[2]]):
            face = np.roll(face, 1)
        i, j, k = (int(x) for x in face)
        if inside[j]:
            p, q = crossing(j, k), crossing(k, i)
            extra += [(i, j, p), (i, p, q)]
        else:
            extra.append((i, crossing(i, j), crossing(k, i)))
    faces = np.concatenate([*parts, np.array(extra, dtype=int).reshape(-1, 3)])
    pairs = np.array(list(crossed), dtype=int).reshape(-1, 2)
    share = height[pairs[:, 0]] / (height[pairs[:, 0]] - height[pairs[:, 1]])
    ids = np.arange(len(pairs)).repeat(2)
    values = np.stack([1 - share, share], 1).ravel()
    rows = sparse.vstack(
        [sparse.identity(number), sparse.csr_matrix((values, (ids, pairs.ravel())), (len(pairs), number))]
    ).tocsr()
    return largest_piece(rows, faces)


def largest_piece(rows: sparse.csr_matrix, faces: np.ndarray):
    """Drop all but the largest connected piece and the unused vertices."""
    size = rows.shape[0]
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = sparse.csr_matrix((np.ones(len(pairs)), tuple(pairs.T)), (size, size))
    label = sparse.csgraph.connected_components(graph, directed=False)[1]
    faces = faces[label[faces[:, 0]] == np.bincount(label[faces[:, 0]]).argmax()]
    used = np.unique(faces)
    lookup = np.full(size, -1)
    lookup[used] = np.arange(len(used))
    return rows[used], lookup[faces]


def project(points, vertices, faces, normals=None, near: int = 24) -> sparse.csr_matrix:
    """Rows (P, V) of the nearest surface points, among the triangles round the `near` nearest centroids.

    points (P, 3), vertices (V, 3), faces (F, 3); with normals (P, 3) triangles that face away are left out,
    so that a point between two fingers stays on its own.
    """
    from scipy.spatial import cKDTree

    corners = vertices[faces]
    candidate = cKDTree(corners.mean(1)).query(points, near)[1]
    tri = corners[candidate].reshape(-1, 3, 3)
    shares = _closest_barycentric(np.repeat(points, near, 0), tri)
    found = (shares[:, :, None] * tri).sum(1).reshape(len(points), near, 3)
    distance = np.linalg.norm(found - points[:, None], axis=2)
    if normals is not None:
        facing = np.cross(tri[:, 1] - tri[:, 0], tri[:, 2] - tri[:, 0]).reshape(len(points), near, 3)
        distance = distance + 1.0 * ((facing * normals[:, None]).sum(2) <= 0)
    best = distance.argmin(1)
    pick = np.arange(len(points))
    shares = shares.reshape(len(points), near, 3)[pick, best]
    columns = faces[candidate[pick, best]]
    return sparse.csr_matrix((shares.ravel(), (pick.repeat(3), columns.ravel())), (len(points), len(vertices)))


def _closest_barycentric(points: np.ndarray, tri: np.ndarray) -> np.ndarray:
    """Barycentric shares (P, 3) of the nearest point of each triangle (P, 3, 3)."""
    a, b, c = tri.transpose(1, 0, 2)
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
    det = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / det, (d00 * d21 - d01 * d20) / det
    shares = np.stack([1 - v - w, v, w], 1)
    outside = (shares < 0).any(1)
    best = np.full(len(points), np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        p, q = tri[:, i], tri[:, j]
        t = ((points - p) * (q - p)).sum(1) / np.maximum(((q - p) ** 2).sum(1), 1e-30)
        t = np.clip(t, 0, 1)
        distance = np.linalg.norm(p + t[:, None] * (q - p) - points, axis=1)
        better = outside & (distance < best)
        best[better] = distance[better]
        edge = np.zeros_like(shares)
        edge[:, i], edge[:, j] = 1 - t, t
        shares[better] = edge[better]
    return shares
