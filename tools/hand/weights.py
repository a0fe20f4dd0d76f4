"""Skin weights of the rest hand: how much of every joint's turn each vertex of the source follows.

The source blends at its own joints. Those are shifted to where a hand turns (`unpose.py`), so its weights only say
which finger a vertex belongs to; the blends are made anew. Along a finger they are smooth steps round the joint. Round
a knuckle and at the root of the thumb they are harmonic on the surface between what surely turns and what surely stays.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import splu

from .skeleton import FINGER_ROOTS, finger_chain, unit
from .source import SourceHand

# Metres along the bone, to either side of the joint, over which skin takes up the turn.
KNUCKLE_BLEND, PIP_BLEND, DIP_BLEND = 0.012, 0.0085, 0.007
THUMB_BLENDS = (0.010, 0.008)  # MCP, IP
# Metres of skin on either side of a web that are left free.
WEB = 0.011
# The thumb's root: metres along its metacarpal beyond which skin follows, behind which it stays, and metres from
# the bone beyond which it stays.
THUMB_ROOT_FOLLOWS, THUMB_ROOT_STAYS, THUMB_ROOT_WIDE = 0.026, -0.016, 0.034
SMOOTHING = 2


def rest_weights(hand: SourceHand, vertices: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Compute weights (V, 16), rows sum to one, for the neutral hand on its palm (V, 3) and its landmarks (21, 3)."""
    mean, lengths = mean_of_neighbours(hand.quads, vertices)
    member = np.stack([hand.weights[:, r : r + 3].sum(1) for r in FINGER_ROOTS.values()], 1)  # (V, 5)
    branches = _root_shares(member, vertices, landmarks, mean, lengths)
    weights = np.zeros((len(vertices), 16))
    for place, (name, root) in enumerate(FINGER_ROOTS.items()):
        chain = landmarks[finger_chain(name)]
        blends = THUMB_BLENDS if name == "thumb" else (PIP_BLEND, DIP_BLEND)
        outer = [branches[:, place]]
        for k, blend in enumerate(blends, start=1):
            across = unit(unit(chain[k + 1] - chain[k]) + unit(chain[k] - chain[k - 1]))
            step = _smooth_step((vertices - chain[k]) @ across / blend) * (member[:, place] > 0.5)
            outer.append(outer[-1] * step)
        outer.append(np.zeros(len(vertices)))
        for k in range(3):
            weights[:, root + k] = outer[k] - outer[k + 1]
    weights[:, 0] = np.clip(1 - weights.sum(1), 0, 1)
    for _ in range(SMOOTHING):
        weights = 0.5 * weights + 0.5 * (mean @ weights)
    return weights / weights.sum(1, keepdims=True)


def _smooth_step(t: np.ndarray) -> np.ndarray:
    """Rise from 0 at -1 to 1 at +1, level at both ends."""
    t = np.clip((t + 1) / 2, 0, 1)
    return t * t * (3 - 2 * t)


def mean_of_neighbours(quads: np.ndarray, vertices: np.ndarray) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return (mean over neighbours, nearer ones count more; edge lengths), both (V, V)."""
    pairs = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    size, length = len(vertices), np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    near = sparse.csr_matrix((1 / length, tuple(pairs.T)), (size, size))
    mean = sparse.diags(1 / np.asarray(near.sum(1)).ravel()) @ near
    return mean.tocsr(), sparse.csr_matrix((length, tuple(pairs.T)), (size, size))


def _root_shares(member, vertices, landmarks, mean, lengths) -> np.ndarray:
    """Compute the share (V, 5) that follows each finger's first joint, fingers in the order of FINGER_ROOTS."""
    owner = np.where(member.max(1) > 0.5, member.argmax(1), -1)
    follows = np.zeros(member.shape, bool)
    stays = owner < 0
    for place, (name, root) in enumerate(FINGER_ROOTS.items()):
        bone = unit(landmarks[root + 1] - landmarks[root])
        offset = vertices - landmarks[root]
        along = offset @ bone
        others = np.flatnonzero((owner >= 0) & (owner != place))
        free = np.isfinite(dijkstra(lengths, indices=others, limit=WEB, min_only=True))
        own = (owner == place) if name == "thumb" else (owner == place) | (member[:, place] > 0.2)
        reach = THUMB_ROOT_FOLLOWS if name == "thumb" else KNUCKLE_BLEND
        follows[:, place] = own & ~free & (along > reach)
        if name == "thumb":
            wide = np.linalg.norm(offset - along[:, None] * bone, axis=1) > THUMB_ROOT_WIDE
            stays &= (along < THUMB_ROOT_STAYS) | wide
        else:
            stays &= along < -KNUCKLE_BLEND
    return harmonic(follows, stays, mean)


def harmonic(follows: np.ndarray, stays: np.ndarray, mean: sparse.csr_matrix) -> np.ndarray:
    """Solve for shares (V, K): one where `follows` (V, K), zero where another follows or `stays` (V,)."""
    known = follows.any(1) | stays
    free = np.flatnonzero(~known)
    system = (sparse.identity(len(known)) - mean).tocsc()[free]
    shares = follows.astype(float)
    right = -(system[:, np.flatnonzero(known)] @ shares[known])
    shares[free] = splu(system[:, free].tocsc()).solve(np.ascontiguousarray(right))
    return np.clip(shares, 0, 1)
