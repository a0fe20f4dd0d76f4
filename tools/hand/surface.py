"""Linear surface operations: subdivision, cutting and projection all return sparse rows over the source.

So skin weights and shape directions follow the vertices through the whole build by the same rows.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree


def catmull_clark(quads: np.ndarray, count: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Take one Catmull-Clark step: rows (V', count) and quads (4 Q, 4). E. Catmull, J. Clark, CAD 10 (1978)."""
    ends = np.sort(np.stack([quads, np.roll(quads, -1, 1)], 2).reshape(-1, 2), 1)
    edges, edge_of, uses = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    edge_of = edge_of.reshape(quads.shape)
    face_rows = _incidence(quads, 0.25, count)
    middle = _incidence(edges, 0.5, count)
    edge_faces = _incidence(edge_of, 0.5, len(edges)).T
    inner = sparse.diags((uses == 2).astype(float))
    edge_rows = middle - inner @ middle * 0.5 + inner @ edge_faces @ face_rows * 0.5
    vertex_rows = _vertex_points(quads, edges, uses, count, face_rows, middle)
    face_ids = np.repeat(count + len(edges) + np.arange(len(quads))[:, None], 4, 1)
    new = np.stack([quads, count + edge_of, face_ids, count + np.roll(edge_of, 1, 1)], 2).reshape(-1, 4)
    return sparse.vstack([vertex_rows, edge_rows, face_rows]).tocsr(), new


def _incidence(members: np.ndarray, share: float, count: int) -> sparse.csr_matrix:
    """Return rows (R, count) with `share` at each of the members (R, K) of a row."""
    rows = np.repeat(np.arange(len(members)), members.shape[1])
    return sparse.csr_matrix((np.full(members.size, share), (rows, members.ravel())), (len(members), count))


def _vertex_points(quads, edges, uses, count, face_rows, middle):
    """Return rows (count, count) of the old vertices; on the boundary by the 1/8, 6/8, 1/8 curve rule."""
    faces_at, edges_at = _incidence(quads, 1.0, count).T, _incidence(edges, 1.0, count).T
    valence = np.maximum(np.asarray(edges_at.sum(1)).ravel(), 1)
    scale = sparse.diags(1 / valence)
    face_mean, edge_mean = scale @ faces_at @ face_rows, scale @ edges_at @ middle
    inside = scale @ (face_mean + 2 * edge_mean) + sparse.diags((valence - 3) / valence)
    rim_edges = edges_at @ sparse.diags((uses == 1).astype(float))
    curve = 0.5 * sparse.identity(count) + 0.25 * rim_edges @ middle
    on_rim = np.zeros(count)
    on_rim[edges[uses == 1]] = 1
    return sparse.diags(1 - on_rim) @ inside + sparse.diags(on_rim) @ curve


def triangulate(quads: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Split each quad along its shorter diagonal: two triangles (2 Q, 3)."""
    a, b, c, d = quads.T
    first = np.linalg.norm(vertices[a] - vertices[c], axis=1) <= np.linalg.norm(vertices[b] - vertices[d], axis=1)
    one = np.where(first[:, None], np.stack([a, b, c], 1), np.stack([a, b, d], 1))
    two = np.where(first[:, None], np.stack([a, c, d], 1), np.stack([b, c, d], 1))
    return np.concatenate([one, two])


def cut_by_plane(vertices: np.ndarray, faces: np.ndarray, height: np.ndarray):
    """Keep what has height <= 0: (rows (V', V), faces). New vertices lie on the plane."""
    inside = height <= 0
    count = inside[faces].sum(1)
    crossed, number, extra = {}, len(vertices), []

    def crossing(i: int, j: int) -> int:
        return crossed.setdefault((min(i, j), max(i, j)), number + len(crossed))

    for face in faces[(count == 1) | (count == 2)]:
        while not (inside[face[0]] and not inside[face[2]]):
            face = np.roll(face, 1)
        i, j, k = (int(x) for x in face)
        if inside[j]:
            p, q = crossing(j, k), crossing(k, i)
            extra += [(i, j, p), (i, p, q)]
        else:
            extra.append((i, crossing(i, j), crossing(k, i)))
    faces = np.concatenate([faces[count == 3], np.array(extra, dtype=int).reshape(-1, 3)])
    pairs = np.array(list(crossed), dtype=int).reshape(-1, 2)
    share = height[pairs[:, 0]] / (height[pairs[:, 0]] - height[pairs[:, 1]])
    ids, values = np.arange(len(pairs)).repeat(2), np.stack([1 - share, share], 1).ravel()
    new_rows = sparse.csr_matrix((values, (ids, pairs.ravel())), (len(pairs), number))
    return _largest_piece(sparse.vstack([sparse.identity(number), new_rows]).tocsr(), faces)


def _largest_piece(rows: sparse.csr_matrix, faces: np.ndarray):
    """Drop all but the largest connected piece and the unused vertices."""
    size, pairs = rows.shape[0], np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = sparse.csr_matrix((np.ones(len(pairs)), tuple(pairs.T)), (size, size))
    label = sparse.csgraph.connected_components(graph, directed=False)[1]
    faces = faces[label[faces[:, 0]] == np.bincount(label[faces[:, 0]]).argmax()]
    used, faces = np.unique(faces, return_inverse=True)
    return rows[used], faces.reshape(-1, 3)


def project(points, vertices, faces, normals=None, near: int = 24) -> sparse.csr_matrix:
    """Return rows (P, V) of the nearest surface points, among the triangles round the `near` nearest centroids.

    points (P, 3), vertices (V, 3), faces (F, 3); with normals (P, 3) triangles that face away are left out, so that a
    point between two fingers stays on its own.
    """
    corners = vertices[faces]
    candidate = cKDTree(corners.mean(1)).query(points, near)[1]
    triangles, shape = corners[candidate].reshape(-1, 3, 3), (len(points), near, 3)
    shares = _closest_barycentric(np.repeat(points, near, 0), triangles)
    found = (shares[:, :, None] * triangles).sum(1).reshape(shape)
    distance = np.linalg.norm(found - points[:, None], axis=2)
    if normals is not None:
        facing = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]).reshape(shape)
        distance = distance + 1.0 * ((facing * normals[:, None]).sum(2) <= 0)
    best, pick = distance.argmin(1), np.arange(len(points))
    values, columns = shares.reshape(shape)[pick, best].ravel(), faces[candidate[pick, best]].ravel()
    return sparse.csr_matrix((values, (pick.repeat(3), columns)), (len(points), len(vertices)))


def _closest_barycentric(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Compute the barycentric shares (P, 3) of the nearest point of each triangle (P, 3, 3).

    Not trimesh's: the last bits decide which edges flip, and with them the bytes of the built file.
    """
    a, b, c = triangles.transpose(1, 0, 2)
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
    det = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / det, (d00 * d21 - d01 * d20) / det
    shares = np.stack([1 - v - w, v, w], 1)
    outside, nearest = (shares < 0).any(1), np.full(len(points), np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        p, side = triangles[:, i], triangles[:, j] - triangles[:, i]
        t = np.clip(((points - p) * side).sum(1) / np.maximum((side**2).sum(1), 1e-30), 0, 1)
        distance = np.linalg.norm(p + t[:, None] * side - points, axis=1)
        better = outside & (distance < nearest)
        nearest[better] = distance[better]
        edge = np.zeros_like(shares)
        edge[:, i], edge[:, j] = 1 - t, t
        shares[better] = edge[better]
    return shares
