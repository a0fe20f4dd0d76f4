"""The build in order: source, rest pose, mesh, shapes, regressor, correctives, pose components, file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from fastgrasp_model.files import write_atomically

from .bodies import BodyFactory, BodyParameters
from .correctives import fit_posedirs
from .shapes import coefficients, joint_regressor, regressor_errors, sample_rest_hands, shape_space
from .skeleton import PARENTS, anatomical_axes, sample_postures
from .source import PACKAGE, VERSION, load_source, source_folder
from .topology import TIPS, WRIST_RING, build_topology
from .unpose import flat_palm, neutral_scale, rest_hand
from .weights import rest_weights

SEED = 20240817
SHAPE_SAMPLES, POSE_SAMPLES = 800, 20_000
# The text inside the shipped file. It names the module by its former path: the bytes of the file stay as published.
PROVENANCE = (
    "Built from the CC0 mpfb2 data (MakeHuman base mesh, targets, rig, weights) inside PyPI "
    f"{PACKAGE}=={VERSION} by fastgrasp_model.hand.build; not derived from MANO data."
)


def build_hand(shape_samples: int = SHAPE_SAMPLES, report=lambda line: None) -> dict[str, np.ndarray]:
    """Build all arrays of the open hand, keyed as in a MANO file. `report` receives one line per stage."""
    folder = source_folder()
    hand = load_source(folder)
    factory = BodyFactory(folder, hand.all_vertices)
    neutral = factory.vertices(BodyParameters())
    source_weights = rest_weights(hand, *flat_palm(hand, neutral))
    scale = neutral_scale(hand, neutral, source_weights)
    rest = rest_hand(hand, neutral, source_weights, scale, BodyParameters())
    report(f"rest pose from {len(rest.vertices)} source vertices, scale {scale:.4f}")
    # Rounded, so that the last bits of a linear-algebra library cannot change which edges collapse.
    topology = build_topology(hand.quads, np.round(rest.vertices, 9), np.round(rest.landmarks, 9), hand.weights)
    report(f"surface of {topology.rows.shape[0]} vertices, {len(topology.faces)} faces")
    template = topology.rows @ rest.vertices + topology.puff
    samples, joints = sample_rest_hands(hand, factory, source_weights, topology.rows, shape_samples, SEED)
    shapedirs, share = shape_space(samples, rest.landmarks[0])
    report(f"shape space from {shape_samples} bodies, 10 directions hold {100 * share:.2f} % of the variance")
    betas = coefficients(samples, topology.rows @ rest.vertices, shapedirs)
    regressor = joint_regressor(template, shapedirs, rest.landmarks[:16], betas, joints)
    usual = np.abs(betas).max(1) <= 3
    error = regressor_errors(regressor, template, shapedirs, betas, joints)[usual]
    report(f"joint regressor off by {1e3 * error.max():.2f} mm at most in the {usual.sum()} samples within 3 units")
    arrays = {
        "v_template": template, "shapedirs": shapedirs, "J_regressor": regressor, "f": topology.faces,
        "f_closed": topology.closed_faces, "weights": _strongest_four(topology.rows @ source_weights),
    }  # fmt: skip
    return _as_stored({**arrays, **_pose_arrays(arrays, report)})


def _strongest_four(weights: np.ndarray) -> np.ndarray:
    """Keep at most four joints per vertex; rows sum to one."""
    weakest = np.sort(weights, 1)[:, -4:][:, :1]
    kept = np.where((weights >= weakest) & (weights > 1e-3), weights, 0)
    return kept / kept.sum(1, keepdims=True)


def _pose_arrays(arrays: dict[str, np.ndarray], report) -> dict[str, np.ndarray]:
    """Compute posedirs and the pose components from the regressed joints, as the layer will use them."""
    joints = arrays["J_regressor"] @ arrays["v_template"]
    posedirs = fit_posedirs(arrays["v_template"], arrays["weights"], joints, arrays["f_closed"], SEED)
    report("pose correctives fitted")
    poses = sample_postures(POSE_SAMPLES, anatomical_axes(joints), SEED)
    mean = poses.mean(0)
    values, vectors = np.linalg.eigh(np.cov((poses - mean).T))
    components = vectors[:, ::-1].T
    sign = np.sign(components[np.arange(45), np.abs(components).argmax(1)])
    components = components * sign[:, None]
    report(f"pose components from {POSE_SAMPLES} postures")
    weights = ((poses - mean) @ components.T)[:200]
    return {"posedirs": posedirs, "hands_components": components, "hands_mean": mean, "hands_coeffs": weights}


def _as_stored(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Round to float32 well above float noise, so that the same command writes the same values everywhere."""
    # Adding zero turns -0 into 0, which a linear-algebra library may round either way.
    stored = {k: np.round(v, 7).astype(np.float32) + np.float32(0) for k, v in arrays.items() if v.dtype.kind == "f"}
    for key, digits in (("weights", 5), ("J_regressor", 7)):  # rows sum to one after rounding, too
        rows = np.round(arrays[key], digits) + 0.0
        rows[np.arange(len(rows)), rows.argmax(1)] += 1 - rows.sum(1)
        stored[key] = rows.astype(np.float32)
    tips, smplx_tips = np.array(list(TIPS.values()), dtype=np.int64).T
    return {
        **stored,
        "J": (arrays["J_regressor"] @ arrays["v_template"]).astype(np.float32),
        "bs_style": np.array("lbs"), "bs_type": np.array("lrotmin"), "provenance": np.array(PROVENANCE),
        "f": arrays["f"].astype(np.uint32), "f_closed": arrays["f_closed"].astype(np.uint32),
        "kintree_table": np.stack([[2**32 - 1, *PARENTS[1:]], np.arange(16)]),
        "tip_ids": tips, "smplx_tip_ids": smplx_tips, "wrist_ring": np.array(WRIST_RING, dtype=np.int64),
    }  # fmt: skip


def write_hand(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Write an uncompressed .npz with fixed dates, atomically: equal arrays give equal files with any zlib."""

    def write(file) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for key in sorted(arrays):
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.ascontiguousarray(arrays[key]), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue())

    write_atomically(path, write)
