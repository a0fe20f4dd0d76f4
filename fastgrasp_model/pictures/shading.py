"""The light of a picture: a soft key light with shadows, sky light with ambient occlusion, a rim light, and skin.

Computed in linear colour and converted to sRGB at the end. Shadows and occlusion are ray casts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.pictures.camera import Camera, Caster

if TYPE_CHECKING:
    from fastgrasp_model.pictures.scene import SceneItem

SUPERSAMPLE = 2
KEY = np.array([1.0, 0.96, 0.9]) * 1.62
SKY = np.array([0.80, 0.88, 1.0]) * 0.56
GROUND = np.array([1.0, 0.93, 0.86]) * 0.32
RIM = np.array([0.9, 0.95, 1.0]) * 0.5
OCCLUSION_RADIUS = 0.03  # metres over which surfaces occlude the sky from each other
OCCLUSION_RAYS, SHADOW_RAYS = 10, 8
LIGHT_RADIUS = 0.045  # of the key light, per unit of distance: softens the edges of shadows
OFFSET = 0.0004  # metres that rays start above a surface


def picture(items: list[SceneItem], camera: Camera, up: np.ndarray) -> np.ndarray:
    """Draw items: return (H, W, 4) float, linear colour and coverage; `up` (3,) is the direction of the sky."""
    image = np.zeros((camera.height * camera.width, 4))
    items = [item for item in items if len(item.triangles)]
    caster = Caster.together([item.caster for item in items])
    rays = camera.rays()
    hits = caster.first(camera.eye, rays)
    if not len(hits.ray):
        return image.reshape(camera.height, camera.width, 4)
    ends = np.cumsum([len(item.triangles) for item in items])
    owner = np.searchsorted(ends, hits.face, side="right")
    normals = np.zeros((len(hits.face), 3, 3))
    for number, item in enumerate(items):
        normals[owner == number] = item.normals[hits.face[owner == number] - ends[number] + len(item.triangles)]
    normal = np.einsum("nk,nki->ni", hits.weights, normals)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    to_eye = -rays[hits.ray]
    normal *= np.where(np.einsum("ni,ni->n", hits.facing, to_eye) < 0, -1.0, 1.0)[:, None]  # open meshes have two sides
    albedo = np.array([item.colour for item in items])[owner]
    skin = np.array([item.is_skin for item in items])[owner][:, None]
    surface = _VisibleSurface(hits.position, normal, hits.ray, camera.width)
    key, noise = _key_direction(camera, up), np.random.default_rng(0)
    lit, sky = _lit(caster, surface, key, noise)[:, None], _open_sky(caster, surface, noise)[:, None]
    light = _key_light(normal, key, lit, skin) + _sky_light(normal, up, sky)
    shine = _highlights(normal, key, to_eye, lit, skin) + _rim_light(normal, camera, to_eye, sky)
    image[hits.ray, :3] = albedo * light + shine
    image[hits.ray, 3] = 1.0
    return image.reshape(camera.height, camera.width, 4)


def panel(items: list[SceneItem], camera: Camera, up: np.ndarray) -> np.ndarray:
    """Draw items supersampled: return (S, S, 4) sRGB, premultiplied, and coverage, for a camera of S x S pixels."""
    fine = Camera(camera.eye, camera.rotation, camera.focal * SUPERSAMPLE, camera.width * SUPERSAMPLE,
                  camera.height * SUPERSAMPLE)  # fmt: skip
    linear = picture(items, fine, up)
    colour = np.concatenate([to_srgb(linear[..., :3]) * linear[..., 3:], linear[..., 3:]], axis=-1)
    return colour.reshape(camera.height, SUPERSAMPLE, camera.width, SUPERSAMPLE, 4).mean(axis=(1, 3))


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Return linear colour as sRGB in [0, 1], with a soft shoulder instead of clipping."""
    rolled = np.where(linear < 0.6, linear, 0.6 + 0.4 * np.tanh((linear - 0.6) / 0.7))
    return np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * np.maximum(rolled, 1e-9) ** (1 / 2.4) - 0.055)


def from_srgb(red: int, green: int, blue: int) -> np.ndarray:
    """Return an sRGB colour of 0..255 as linear (3,)."""
    share = np.array([red, green, blue]) / 255.0
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def _key_direction(camera: Camera, up: np.ndarray) -> np.ndarray:
    """Return the unit vector towards the key light, behind the camera's left shoulder."""
    right, _, forward = camera.rotation
    direction = -0.75 * right - 0.75 * forward + 0.95 * np.asarray(up)
    return direction / np.linalg.norm(direction)


def _lit(caster: Caster, surface: _VisibleSurface, key: np.ndarray, noise) -> np.ndarray:
    """Return the share of the key light that reaches each position (N,)."""

    def rays(start: np.ndarray, normal: np.ndarray) -> np.ndarray:
        return key + LIGHT_RADIUS * noise.normal(size=start.shape)

    return 1.0 - surface.blocked_share(caster, rays, SHADOW_RAYS, 1e3, window=5)


def _open_sky(caster: Caster, surface: _VisibleSurface, noise) -> np.ndarray:
    """Return the share of the sky (N,) that other surfaces leave open, from cosine-weighted rays."""

    def rays(start: np.ndarray, normal: np.ndarray) -> np.ndarray:
        ray = noise.normal(size=start.shape)
        return normal + 0.98 * ray / np.linalg.norm(ray, axis=1, keepdims=True)

    return np.clip(1.0 - 0.9 * surface.blocked_share(caster, rays, OCCLUSION_RAYS, OCCLUSION_RADIUS, window=5), 0, 1)


class _VisibleSurface:
    """The positions (N, 3) and normals (N, 3) that pixels (N,) of a picture `width` wide show."""

    def __init__(self, position: np.ndarray, normal: np.ndarray, pixel: np.ndarray, width: int):
        self.start, self.normal, self.pixel, self.width = position + OFFSET * normal, normal, pixel, width
        row, column = np.divmod(pixel, width)
        self.coarse = np.flatnonzero((row % 2 == 0) & (column % 2 == 0))  # rays are cast for a quarter of the pixels

    def blocked_share(self, caster: Caster, rays, count: int, within: float, window: int) -> np.ndarray:
        """Return the share (N,) of `count` random rays that are blocked, averaged over `window` x `window` pixels."""
        from scipy.ndimage import uniform_filter

        start, normal, pixel = self.start[self.coarse], self.normal[self.coarse], self.pixel[self.coarse]
        blocked, cast = (np.zeros((int(self.pixel.max()) // self.width + 1) * self.width) for _ in range(2))
        for _ in range(count):
            ray = rays(start, normal)
            blocked[pixel] += caster.blocked(start, ray / np.linalg.norm(ray, axis=1, keepdims=True), within)
        cast[pixel] = count
        blocked, cast = (uniform_filter(v.reshape(-1, self.width), window).ravel()[self.pixel] for v in (blocked, cast))
        return blocked / np.maximum(cast, 1e-6)


def _key_light(normal: np.ndarray, key: np.ndarray, lit: np.ndarray, skin: np.ndarray) -> np.ndarray:
    cosine = (normal @ key)[:, None]
    wrap = np.where(skin, [0.28, 0.12, 0.07], 0.03)  # light wraps around skin, red the farthest: subsurface scattering
    return KEY * lit * np.clip((cosine + wrap) / (1 + wrap), 0, None) ** 1.15


def _sky_light(normal: np.ndarray, up: np.ndarray, sky: np.ndarray) -> np.ndarray:
    share = (0.5 + 0.5 * normal @ np.asarray(up))[:, None]
    return (share * SKY + (1 - share) * GROUND) * sky


def _highlights(normal, key: np.ndarray, to_eye: np.ndarray, lit: np.ndarray, skin: np.ndarray) -> np.ndarray:
    middle = to_eye + key
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    cosine = np.clip(np.einsum("ni,ni->n", normal, middle), 0, 1)[:, None]
    return lit * np.where(skin, 0.05 * cosine**18, 0.10 * cosine**40) * KEY


def _rim_light(normal: np.ndarray, camera: Camera, to_eye: np.ndarray, sky: np.ndarray) -> np.ndarray:
    glancing = 1.0 - np.clip(np.einsum("ni,ni->n", normal, to_eye), 0, 1)[:, None]
    towards = np.clip(normal @ (camera.rotation[0] - camera.rotation[1]), 0, None)[:, None]
    return 0.16 * RIM * glancing**3 * towards * sky
