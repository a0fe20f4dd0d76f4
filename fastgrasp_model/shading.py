"""Light on what the rasteriser saw: a soft key light with shadows, sky light with ambient occlusion, a rim,
skin that glows a little.

Everything is computed in linear colour and turned to sRGB at the end.
"""

from __future__ import annotations

import numpy as np

from fastgrasp_model.rasteriser import Buffers, Camera, scan

KEY = np.array([1.0, 0.96, 0.9], dtype=np.float32) * 1.62
SKY = np.array([0.80, 0.88, 1.0], dtype=np.float32) * 0.56
GROUND = np.array([1.0, 0.93, 0.86], dtype=np.float32) * 0.32
RIM = np.array([0.9, 0.95, 1.0], dtype=np.float32) * 0.5
AMBIENT_RADIUS = 0.03  # metres over which neighbouring surfaces shade each other
_SHADOW_SIZE = 448


def shade(
    buffers: Buffers, occluders: list[tuple], up: np.ndarray, skin_label: int = 1, half: int = 3
) -> np.ndarray:
    """Linear colours (H, W, 3) and coverage (H, W) of the buffers, as one (H, W, 4) float32 array.

    Args:
        occluders: (triangles (F, 3, 3), whether they are open) that cast shadows.
        up: (3,) the direction of the sky.
        skin_label: pixels with labels from here on are skin.
        half: ambient occlusion is computed on every `half`-th pixel.
    """
    camera = buffers.camera
    seen = np.flatnonzero(np.isfinite(buffers.depth))
    picture = np.zeros((camera.height * camera.width, 4), dtype=np.float32)
    if len(seen):
        normal, position, albedo = buffers.normal[seen], buffers.positions(seen), buffers.colour[seen]
        skin = (buffers.label[seen] >= skin_label)[:, None]
        to_eye = camera.eye.astype(np.float32) - position
        to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
        key = _key_direction(camera, up)
        open_sky = _ambient_occlusion(buffers, half)[seen][:, None]
        lit = _shadow(position, normal, occluders, key)[:, None]
        light = _key_light(normal, key, lit, skin) + _sky_light(normal, up, open_sky)
        shine = _highlights(normal, key, to_eye, lit, skin) + _rim_light(normal, camera, to_eye, open_sky)
        picture[seen, :3] = albedo * light + shine
        picture[seen, 3] = 1.0
    return picture.reshape(camera.height, camera.width, 4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear colour to sRGB in [0, 1], with a soft shoulder instead of clipping; by table, to 1/4096."""
    return _SRGB_TABLE[np.clip(linear * (len(_SRGB_TABLE) / 4.0), 0, len(_SRGB_TABLE) - 1).astype(np.int32)]


def _srgb_table(size: int = 16384, most: float = 4.0) -> np.ndarray:
    linear = (np.arange(size) + 0.5) * most / size
    rolled = np.where(linear < 0.6, linear, 0.6 + 0.4 * np.tanh((linear - 0.6) / 0.7))
    return np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055).astype(
        np.float32
    )


_SRGB_TABLE = _srgb_table()


def from_srgb(red: int, green: int, blue: int) -> np.ndarray:
    """An sRGB colour of 0..255 as linear float32 (3,)."""
    share = np.array([red, green, blue]) / 255.0
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _key_direction(camera: Camera, up: np.ndarray) -> np.ndarray:
    """Unit vector towards the key light: over the photographer's left shoulder."""
    right, _, forward = camera.rotation
    direction = -0.75 * right - 0.75 * forward + 0.95 * np.asarray(up)
    return (direction / np.linalg.norm(direction)).astype(np.float32)


def _key_light(normal, key, lit, skin) -> np.ndarray:
    cosine = (normal @ key)[:, None]
    # Light wraps around skin, red the farthest: a cheap stand-in for scattering below the surface.
    wrap = np.where(skin, np.array([0.28, 0.12, 0.07], dtype=np.float32), np.float32(0.03))
    return KEY * lit * np.clip((cosine + wrap) / (1 + wrap), 0, None) ** 1.15


def _sky_light(normal, up, open_sky) -> np.ndarray:
    share = (0.5 + 0.5 * normal @ np.asarray(up, dtype=np.float32))[:, None]
    return (share * SKY + (1 - share) * GROUND) * open_sky


def _highlights(normal, key, to_eye, lit, skin) -> np.ndarray:
    middle = to_eye + key
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    cosine = np.clip(np.einsum("ni,ni->n", normal, middle), 0, 1)[:, None]
    return lit * np.where(skin, 0.05 * cosine**18, 0.10 * cosine**40) * KEY


def _rim_light(normal, camera: Camera, to_eye, open_sky) -> np.ndarray:
    glancing = 1.0 - np.clip(np.einsum("ni,ni->n", normal, to_eye), 0, 1)[:, None]
    towards = np.clip(normal @ (camera.rotation[0] - camera.rotation[1]).astype(np.float32), 0, None)[:, None]
    return 0.16 * RIM * glancing**3 * towards * open_sky


def _shadow(position, normal, occluders: list[tuple], key: np.ndarray) -> np.ndarray:
    """How much of the key light reaches each position (N,), from a shadow map with softened edges."""
    spread = np.concatenate([corners.reshape(-1, 3) for corners, _ in occluders])
    centre = 0.5 * (spread.min(axis=0) + spread.max(axis=0))
    radius = float(np.linalg.norm(spread - centre, axis=1).max())
    helper = np.eye(3)[np.argmin(np.abs(key))]
    right = np.cross(key, helper)
    axes = np.stack([right / np.linalg.norm(right), np.cross(key, right / np.linalg.norm(right)), -key])
    scale = _SHADOW_SIZE / (2.04 * radius)

    def project(points: np.ndarray) -> np.ndarray:
        local = (points - centre.astype(points.dtype)) @ axes.T.astype(points.dtype)
        return np.concatenate(
            [local[..., :2] * scale + _SHADOW_SIZE / 2, local[..., 2:] + 2 * radius], axis=-1
        ).astype(np.float32, copy=False)

    nearest = np.full(_SHADOW_SIZE**2, np.inf, dtype=np.float32)
    for corners, is_open in occluders:
        pixel, _, _, depth = scan(project(corners), _SHADOW_SIZE, _SHADOW_SIZE, is_open, parallel=True)
        np.minimum.at(nearest, pixel, depth)
    place = project(position + 0.0015 * normal)
    lit = np.zeros(len(position), dtype=np.float32)
    taps = [(0.0, 0.0)] + [
        (r * np.cos(a), r * np.sin(a)) for r, n in ((1.2, 4), (2.8, 7)) for a in np.arange(n) * 2 * np.pi / n
    ]
    for dx, dy in taps:
        column = np.clip(place[:, 0] + dx, 0, _SHADOW_SIZE - 1).astype(np.int32)
        row = np.clip(place[:, 1] + dy, 0, _SHADOW_SIZE - 1).astype(np.int32)
        lit += place[:, 2] < nearest[row * _SHADOW_SIZE + column] + 0.0015
    return lit / len(taps)


def _ambient_occlusion(buffers: Buffers, half: int, samples: int = 16) -> np.ndarray:
    """Share of the sky each pixel sees past its neighbours on the screen, flat (H * W,)."""
    from scipy.ndimage import uniform_filter

    camera = buffers.camera
    shape = (camera.height, camera.width)
    rows, columns = np.mgrid[0 : shape[0] : half, 0 : shape[1] : half]
    coarse = (rows * shape[1] + columns).ravel()
    depth = buffers.depth[coarse]
    seen = np.flatnonzero(np.isfinite(depth))
    position, normal = buffers.positions(coarse[seen]), buffers.normal[coarse[seen]]
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(samples, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = AMBIENT_RADIUS * (0.1 + 0.9 * (np.arange(samples) / samples) ** 1.5)
    # A 4 x 4 pattern of turned sample sets; the blur below averages it away.
    tile = (rows.ravel()[seen] // half % 4) * 4 + columns.ravel()[seen] // half % 4
    turns = np.linalg.qr(rng.normal(size=(16, 3, 3)))[0].astype(np.float32)[tile]
    grid = np.where(np.isfinite(depth), depth, np.float32(1e3))
    width = rows.shape[1]
    hidden = np.zeros(len(seen), dtype=np.float32)
    for direction, length in zip(directions, lengths, strict=True):
        ray = turns @ direction
        ray *= np.sign(np.einsum("ni,ni->n", ray, normal))[:, None]
        place = camera.project(position + 0.001 * normal + np.float32(length) * (ray + 0.15 * normal))
        column = np.clip(place[:, 0] / half, 0, width - 1).astype(np.int32)
        row = np.clip(place[:, 1] / half, 0, rows.shape[0] - 1).astype(np.int32)
        gap = place[:, 2] - grid[row * width + column]
        hidden += (gap > 0.001) * np.clip(1.5 - gap / (1.5 * AMBIENT_RADIUS), 0, 1)
    open_sky = np.zeros(len(coarse), dtype=np.float32)
    cover = np.zeros(len(coarse), dtype=np.float32)
    open_sky[seen], cover[seen] = np.clip(1.0 - 1.25 * hidden / samples, 0, 1) ** 1.4, 1.0
    blurred = uniform_filter(open_sky.reshape(rows.shape), 4) / np.maximum(
        uniform_filter(cover.reshape(rows.shape), 4), 1e-6
    )
    blurred = np.where(cover.reshape(rows.shape) > 0, blurred, 1.0)
    return np.repeat(np.repeat(blurred, half, axis=0), half, axis=1)[: shape[0], : shape[1]].ravel()
