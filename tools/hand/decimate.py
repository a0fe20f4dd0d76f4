"""Edge collapse down to an exact number of vertices, with an exact number on the open rim.

Cost of an edge: its quadric error (M. Garland, P. Heckbert, SIGGRAPH 1997) plus a term that grows with its length over
the wanted local length, so that triangles come out even. A collapse must keep the surface a manifold disk, turn no
triangle over, and respect a cap on the number of neighbours; the decimation of libraries has none of these limits.
"""

from __future__ import annotations

import heapq

import numpy as np

from .remesh import edge_table

VALENCE_CAP = 8
EVENNESS = 2e-3  # weight against fidelity, in quadric units (area times squared distance)


class EdgeCollapse:
    """Mutable triangle mesh under collapse: positions, one quadric per vertex, faces round every vertex."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, sizing: np.ndarray) -> None:
        self.place = [row for row in vertices.astype(float)]
        self.sizing = sizing.astype(float).tolist()
        self.faces = {k: tuple(int(x) for x in face) for k, face in enumerate(faces)}
        self.faces_at: list[set[int]] = [set() for _ in self.place]
        for k, face in self.faces.items():
            for i in face:
                self.faces_at[i].add(k)
        self.quadrics = self._quadrics(vertices, faces)
        self.alive = len(vertices)
        self.version = [0] * len(vertices)
        self.rim = {i for edge, around in edge_table(faces).items() if len(around) == 1 for i in edge}

    @staticmethod
    def _quadrics(vertices: np.ndarray, faces: np.ndarray) -> list[np.ndarray]:
        """Sum the area-weighted plane quadrics (V, 4, 4) round each vertex."""
        a, b, c = vertices[faces].transpose(1, 0, 2)
        normal = np.cross(b - a, c - a)
        double = np.linalg.norm(normal, axis=1, keepdims=True)
        plane = np.concatenate([normal / np.maximum(double, 1e-20), np.zeros((len(faces), 1))], 1)
        plane[:, 3] = -(plane[:, :3] * a).sum(1)
        matrix = plane[:, :, None] * plane[:, None, :] * (double[:, :, None] / 2)
        total = np.zeros((len(vertices), 4, 4))
        for k in range(3):
            np.add.at(total, faces[:, k], matrix)
        return list(total)

    def neighbours(self, i: int) -> set[int]:
        """Return all vertices that share an edge with vertex i."""
        return {j for k in self.faces_at[i] for j in self.faces[k]} - {i}

    def target(self, i: int, j: int) -> np.ndarray:
        """Return where the edge's vertices meet: a rim vertex keeps its place, else the middle."""
        if (i in self.rim) != (j in self.rim):
            return self.place[i] if i in self.rim else self.place[j]
        return 0.5 * (self.place[i] + self.place[j])

    def cost(self, i: int, j: int) -> float:
        """Return the cost of collapsing an edge, see the head of this file."""
        h, wanted = np.append(self.target(i, j), 1.0), 0.5 * (self.sizing[i] + self.sizing[j])
        length = np.linalg.norm(self.place[i] - self.place[j]) / wanted
        return float(h @ (self.quadrics[i] + self.quadrics[j]) @ h) + EVENNESS * wanted**4 * length**2

    def allowed(self, i: int, j: int) -> bool:
        """Tell whether the collapse keeps a manifold (link condition), the valence cap, and every triangle's side."""
        near_i, near_j = self.neighbours(i), self.neighbours(j)
        shared = self.faces_at[i] & self.faces_at[j]
        if len(near_i & near_j) != len(shared):
            return False
        if i in self.rim and j in self.rim and len(shared) != 1:
            return False
        if len(near_i | near_j) - 2 > VALENCE_CAP:
            return False
        point = self.target(i, j)
        return all(self._stays(k, v, point) for v in (i, j) for k in self.faces_at[v] - shared)

    def _stays(self, k: int, vertex: int, point: np.ndarray) -> bool:
        """Tell whether face k with `vertex` at `point` is neither flattened nor turned by over 60 degrees."""
        old = [self.place[v] for v in self.faces[k]]
        new = [point if v == vertex else self.place[v] for v in self.faces[k]]
        before, after = _normal(old), _normal(new)
        was, size = np.sqrt(before @ before), np.sqrt(after @ after)
        if size == 0.0:
            return False
        longest = _longest_side(new)
        if size < 0.15 * longest and size / longest < was / max(_longest_side(old), 1e-30):
            return False
        return before @ after >= 0.5 * was * size

    def collapse(self, i: int, j: int) -> None:
        """Merge j into i."""
        self.place[i] = self.target(i, j)
        if j in self.rim:
            self.rim = self.rim - {j} | {i}
        self.sizing[i] = 0.5 * (self.sizing[i] + self.sizing[j])
        self.quadrics[i] = self.quadrics[i] + self.quadrics[j]
        for k in list(self.faces_at[j]):
            face = self.faces[k]
            if i in face:
                for v in face:
                    self.faces_at[v].discard(k)
                del self.faces[k]
            else:
                self.faces[k] = tuple(i if v == j else v for v in face)
                self.faces_at[i].add(k)
        self.faces_at[j] = set()
        self.version[i], self.version[j] = self.version[i] + 1, self.version[j] + 1
        self.alive -= 1

    def run(self, until, rim_only: bool) -> None:
        """Collapse cheapest first until `until(self)` holds; rim_only takes only edges of the rim."""

        def wanted(i: int, j: int) -> bool:
            both = i in self.rim and j in self.rim
            return both if rim_only else not both

        def entry(i: int, j: int):
            cost = float(((self.place[i] - self.place[j]) ** 2).sum()) if rim_only else self.cost(i, j)
            return cost, i, j, self.version[i], self.version[j]

        alive = [i for i in range(len(self.place)) if self.faces_at[i]]
        heap = [entry(i, j) for i in alive for j in self.neighbours(i) if i < j and wanted(i, j)]
        heapq.heapify(heap)
        while heap and not until(self):
            _, i, j, vi, vj = heapq.heappop(heap)
            if self.version[i] != vi or self.version[j] != vj or not self.allowed(i, j):
                continue
            self.collapse(i, j)
            for n in sorted(self.neighbours(i)):
                if wanted(i, n):
                    heapq.heappush(heap, entry(min(i, n), max(i, n)))


def _longest_side(p: list[np.ndarray]) -> float:
    """Return the squared length of a triangle's longest side."""
    return max(((p[a] - p[b]) ** 2).sum() for a, b in ((0, 1), (1, 2), (2, 0)))


def _normal(p: list[np.ndarray]) -> np.ndarray:
    (ax, ay, az), (bx, by, bz) = p[1] - p[0], p[2] - p[0]
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def decimate(vertices: np.ndarray, faces: np.ndarray, sizing: np.ndarray, count: int, rim: int):
    """Collapse edges down to `count` vertices, `rim` of them on the boundary: vertices, faces (2 count - 2 - rim, 3).

    vertices (V, 3) metres; faces (F, 3) of one disk; sizing (V,) wanted edge lengths, metres. Raises ValueError if the
    limits on a collapse leave no way to get there.
    """
    mesh = EdgeCollapse(vertices, faces, sizing)
    # The rim by turns with the inside: refused edges become allowed once their surroundings have changed.
    stages = [max(count, round(len(vertices) * (count / len(vertices)) ** (k / 8))) for k in range(1, 9)]
    for k, stage in enumerate(stages):
        least = max(rim, round(rim * 3 ** (1 - k / 5)))
        mesh.run(lambda m, goal=least: len(m.rim) <= goal, rim_only=True)
        mesh.run(lambda m, goal=stage: m.alive <= goal, rim_only=False)
    if mesh.alive != count or len(mesh.rim) != rim:
        raise ValueError(
            f"Decimation stopped at {mesh.alive} vertices with {len(mesh.rim)} on the rim; "
            f"{count} and {rim} were wanted. Loosen the guards or start from a finer surface."
        )
    used = [i for i in range(len(mesh.place)) if mesh.faces_at[i]]
    lookup = {old: new for new, old in enumerate(used)}
    result = np.array([[lookup[i] for i in mesh.faces[k]] for k in sorted(mesh.faces)])
    return np.array([mesh.place[i] for i in used]), result
