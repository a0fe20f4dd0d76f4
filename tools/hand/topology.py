"""The mesh of the open hand: MANO's counts, and MANO's numbers for the fingertips and the wrist ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from .decimate import decimate
from .remesh import even_out, rim_loop, vertex_normals
from .skeleton import FINGER_ROOTS, TIP_ROWS, WRIST_AT_REST, unit
from .surface import catmull_clark, cut_by_plane, project, triangulate

VERTEX_COUNT, RIM_COUNT = 778, 16
CUT_BEHIND_WRIST = 0.019
# Wanted edge lengths, metres: on the palm and wrist, and on the fingers.
PALM_EDGE, FINGER_EDGE = 0.0088, 0.0055
# MANO's numbers. Tips as manopth and manotorch take them, and as smplx takes them.
TIPS = {"thumb": (745, 744), "index": (317, 320), "middle": (444, 443), "ring": (556, 554), "pinky": (673, 671)}
WRIST_RING = (108, 79, 78, 121, 214, 215, 279, 239, 234, 92, 38, 122, 118, 117, 119, 120)


@dataclass(frozen=True)
class Topology:
    """The mesh: faces (1538, 3), closed_faces (1552, 3), rows (778, V) over the source, puff (778, 3) added metres."""

    faces: np.ndarray
    closed_faces: np.ndarray
    rows: sparse.csr_matrix
    puff: np.ndarray


def build_topology(quads: np.ndarray, vertices: np.ndarray, landmarks: np.ndarray, weights: np.ndarray) -> Topology:
    """Subdivide the neutral hand, cut it at the wrist, decimate to 778 vertices, even out, number the vertices."""
    once, quads_once = catmull_clark(quads, len(vertices))
    twice, quads_twice = catmull_clark(quads_once, once.shape[0])
    fine_rows, fine_points, fine_faces = _cut((twice @ once).tocsr(), quads_twice, vertices)
    _, points, faces = _cut(once, quads_once, vertices)
    tree, finger_share = cKDTree(fine_points), 1 - (fine_rows @ weights)[:, 0]

    def size_at(places: np.ndarray) -> np.ndarray:
        return PALM_EDGE - (PALM_EDGE - FINGER_EDGE) * np.clip(finger_share[tree.query(places)[1]], 0, 1)

    points, faces = decimate(points, faces, size_at(points), VERTEX_COUNT, RIM_COUNT)
    ring_rows, loop = _even_ring(points, faces, fine_points, fine_faces)
    points[loop] = ring_rows @ fine_points
    points, faces = even_out(points, faces, fine_points, fine_faces, size_at, loop, rounds=25)
    tips = _pin_tips(points, fine_points, landmarks)
    fixed = np.concatenate([loop, list(tips.values())])
    points, faces = even_out(points, faces, fine_points, fine_faces, size_at, fixed, rounds=20)
    rows = project(points, fine_points, fine_faces).tolil()
    rows[loop] = ring_rows
    rows = rows.tocsr()
    puff = _puff(rows @ fine_points, faces, fine_points, fine_faces, loop)
    order = _order(points, faces, (rows @ fine_rows) @ weights, landmarks, tips)
    new_id = np.empty(VERTEX_COUNT, dtype=int)
    new_id[order] = np.arange(VERTEX_COUNT)
    faces = new_id[faces]
    faces = faces[np.lexsort(faces.T[::-1])]
    return Topology(faces, np.concatenate([faces, wrist_cap()]), (rows @ fine_rows)[order].tocsr(), puff[order])


def wrist_cap() -> np.ndarray:
    """Return the 14 triangles (14, 3) that close the wrist, a zigzag over the ring."""
    pairs = [((8 - k, 10 + k, 7 - k), (10 + k, 11 + k, 7 - k)) for k in range(7)]
    strip = [(9, 10, 8), *(corners for pair in pairs for corners in pair)][:14]
    return np.array(WRIST_RING)[np.array(strip) % RIM_COUNT]


def _cut(rows: sparse.csr_matrix, quads: np.ndarray, vertices: np.ndarray):
    """Triangulate what lies in front of the wrist plane: (rows over the source, points, faces)."""
    points = rows @ vertices
    plane = WRIST_AT_REST[0] + CUT_BEHIND_WRIST
    cut_rows, faces = cut_by_plane(points, triangulate(quads, points), points[:, 0] - plane)
    return (cut_rows @ rows).tocsr(), cut_rows @ points, faces


def _even_ring(points, faces, fine_points, fine_faces):
    """Return rows that lay the ring evenly over the cut curve, and the ring's vertices in walking order."""
    loop, curve = rim_loop(faces), rim_loop(fine_faces)
    curve = np.array(curve + curve[:1])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine_points[curve], axis=0), axis=1))])
    start = along[cKDTree(fine_points[curve[:-1]]).query(points[loop])[1]]
    step = along[-1] / RIM_COUNT
    offset = np.angle(np.exp(2j * np.pi * (start - np.arange(RIM_COUNT) * step) / along[-1]).mean())
    at = (offset / (2 * np.pi) * along[-1] + np.arange(RIM_COUNT) * step) % along[-1]
    after = np.clip(np.searchsorted(along, at, side="right"), 1, len(along) - 1)
    share = (at - along[after - 1]) / (along[after] - along[after - 1])
    columns, values = (np.stack(pair, 1).ravel() for pair in ((curve[after - 1], curve[after]), (1 - share, share)))
    shape = (RIM_COUNT, len(fine_points))
    return sparse.csr_matrix((values, (np.arange(RIM_COUNT).repeat(2), columns)), shape), np.array(loop)


def _pin_tips(points, fine_points, landmarks) -> dict[str, int]:
    """Put the vertex nearest each fingertip onto the farthest fine point along the last bone, in place."""
    tips = {}
    for name, root in FINGER_ROOTS.items():
        tip = landmarks[TIP_ROWS[name]]
        bone = unit(tip - landmarks[root + 2])
        near = np.linalg.norm(fine_points - tip, axis=1) < 0.015
        best = np.where(near)[0][((fine_points[near] - tip) @ bone).argmax()]
        free = np.linalg.norm(points - fine_points[best], axis=1)
        tips[name] = int(free.argmin())
        points[tips[name]] = fine_points[best]
    return tips


def _puff(points, faces, fine_points, fine_faces, loop, rounds: int = 6) -> np.ndarray:
    """Compute offsets (778, 3) along the normals that lift the coarse faces, on average, onto the fine surface."""
    total = np.zeros(len(points))
    normals = vertex_normals(points, faces)
    for _ in range(rounds):
        corners = (points + total[:, None] * normals)[faces]
        centre = np.concatenate([corners.mean(1), *(0.5 * (corners[:, k] + corners[:, k - 1]) for k in range(3))])
        facing = np.tile(unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])), (4, 1))
        height = ((project(centre, fine_points, fine_faces, normals=facing) @ fine_points - centre) * facing).sum(1)
        height = np.tile(height.reshape(4, -1).mean(0), 3)
        step = np.bincount(faces.T.ravel(), height) / np.bincount(faces.ravel())
        step[loop] = 0
        total = np.clip(total + 0.7 * step, -0.0006, 0.0006)
    return total[:, None] * normals


def _order(points, faces, weights, landmarks, tips) -> np.ndarray:
    """Choose the built vertex for each number: ring and tips as in MANO, the rest region by region."""
    place = np.full(VERTEX_COUNT, -1)
    ring = rim_loop(faces)[::-1]
    first = int(np.argmax(points[ring, 2])) - 9
    for number, k in zip(WRIST_RING, range(first, first + RIM_COUNT), strict=True):
        place[number] = ring[k % RIM_COUNT]
    neighbours = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    for name, vertex in tips.items():
        bone = unit(landmarks[TIP_ROWS[name]] - landmarks[FINGER_ROOTS[name] + 2])
        near = np.unique(neighbours[neighbours[:, 0] == vertex, 1])
        place[TIPS[name][0]] = vertex
        place[TIPS[name][1]] = near[(points[near] @ bone).argmax()]
    roots = [FINGER_ROOTS[name] for name in ("index", "middle", "ring", "pinky", "thumb")]
    groups = np.stack([weights[:, 0], *(weights[:, r : r + 3].sum(1) for r in roots)], 1).argmax(1)
    free = np.setdiff1d(np.arange(VERTEX_COUNT), place)
    free = free[np.lexsort((-points[free, 0], groups[free]))]
    place[place < 0] = free
    return place
