"""`Grasps`: a batch of human grasps as plain NumPy arrays.

It holds the hand parameters and what follows from them (mesh, keypoints, wrist pose), so a reader needs neither a hand
model nor torch. docs/grasp_file.md specifies the file format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.files import write_atomically
from fastgrasp_model.hand import VERTICES, checked_side
from fastgrasp_model.hand.keypoints import keypoints_from, wrist_frame
from fastgrasp_model.numpy_files import NumpyFileError, read_npz

if TYPE_CHECKING:
    from torch import Tensor

    from fastgrasp_model.hand.mano_layer import ManoLayer

FORMAT_VERSION = 1
GOOD_SCORE = 0.1  # a grasp below it hardly ever holds; walls, tables and flat clouds get less than 0.05
_ROW_SHAPES = {
    "betas": (10,), "global_orient": (3,), "hand_pose": (45,), "transl": (3,), "vertices": (VERTICES, 3),
    "keypoints": (21, 3), "wrist_position": (3,), "wrist_quaternion": (4,), "score": (),
}  # fmt: skip
EXPORT_SUFFIXES = (".ply", ".obj", ".stl")
_FLIP_X = np.array([-1, 1, 1], dtype=np.float32)
_FLIP_ROTATION = np.array([1, -1, -1], dtype=np.float32)


class GraspFileError(ValueError):
    """A grasp file is missing, damaged, or of another format; the message names the file and the remedy."""


@dataclass
class Grasps:
    """B grasps of one side in one frame; metres and radians, float32.

    `betas` (B, 10); `global_orient` (B, 3) and `hand_pose` (B, 45) axis-angle relative to the flat hand; `transl`
    (B, 3): the global rotation turns about the wrist joint, then transl is added (as smplx). The parameters of side
    "left" are those of a left-hand layer. `vertices` (B, 778, 3); `faces` (F, 3) int32, watertight where the layer's
    are; `keypoints` (B, 21, 3) in MediaPipe's order; `wrist_position` (B, 3) and `wrist_quaternion` (B, 4) x, y, z, w:
    the frame of `fastgrasp_model.hand.wrist_frame`; `score` (B,), higher is better. Raises ValueError where a shape is
    wrong.
    """

    betas: np.ndarray
    global_orient: np.ndarray
    hand_pose: np.ndarray
    transl: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    keypoints: np.ndarray
    wrist_position: np.ndarray
    wrist_quaternion: np.ndarray
    side: str
    score: np.ndarray

    def __post_init__(self) -> None:
        checked_side(self.side)
        self.faces = np.asarray(self.faces, dtype=np.int32)
        if self.faces.ndim != 2 or self.faces.shape[1] != 3:
            raise ValueError(f"faces: expected shape (F, 3), got {self.faces.shape}")
        count = len(np.asarray(self.betas))
        for name, shape in _ROW_SHAPES.items():
            array = np.asarray(getattr(self, name), dtype=np.float32)
            if array.shape != (count, *shape):
                raise ValueError(f"{name}: expected shape {(count, *shape)}, got {array.shape}")
            setattr(self, name, array)

    @classmethod
    def from_parameters(
        cls, parameters: np.ndarray | Tensor, layer: ManoLayer, score: np.ndarray | None = None
    ) -> Grasps:
        """Pose the layer's hand with `parameters` (B, 61), NumPy or torch; `score` (B,), else zeros."""
        import torch

        with torch.no_grad():
            tensor = torch.as_tensor(parameters).detach().to(layer.v_template)
            output = layer.from_parameters(tensor)
            keypoints = keypoints_from(output.vertices, output.joints, layer.tip_ids)
        rows, keypoints = tensor.cpu().numpy(), keypoints.cpu().numpy()
        position, quaternion = _wrist_pose(keypoints, layer.side)
        return cls(
            rows[:, :10], rows[:, 10:13], rows[:, 13:58], rows[:, 58:], output.vertices.cpu().numpy(),
            layer.closed_faces.cpu().numpy(), keypoints, position, quaternion, layer.side,
            np.zeros(len(rows)) if score is None else score,
        )  # fmt: skip

    @property
    def parameters(self) -> np.ndarray:
        """Return the 61 parameters (B, 61) = [betas 10 | global_orient 3 | hand_pose 45 | transl 3]."""
        return np.concatenate([self.betas, self.global_orient, self.hand_pose, self.transl], axis=1)

    @property
    def any_good(self) -> bool:
        """Return whether at least one grasp scores `GOOD_SCORE` or more. False too for an empty batch."""
        return bool((self.score >= GOOD_SCORE).any())

    def __len__(self) -> int:
        return len(self.betas)

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> Grasps:
        """Return the chosen grasps as a batch, of one for an int. Raises IndexError outside."""
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"grasp {index} of {len(self)}")
            index = [index]
        rows = index if isinstance(index, slice) else np.asarray(index, dtype=None if len(index) else np.int64)
        return self._replaced(**{name: getattr(self, name)[rows] for name in _ROW_SHAPES})

    def _replaced(self, **changes: object) -> Grasps:
        return Grasps(**{**{field.name: getattr(self, field.name) for field in fields(self)}, **changes})

    @staticmethod
    def concatenate(batches: Sequence[Grasps]) -> Grasps:
        """Join batches in order. Raises ValueError for none, or for different sides or faces."""
        if not batches:
            raise ValueError("nothing to concatenate: give at least one batch of grasps")
        first = batches[0]
        if any(b.side != first.side or not np.array_equal(b.faces, first.faces) for b in batches):
            raise ValueError("these batches differ in side or mesh topology; mirror them to one side first")
        return first._replaced(**{name: np.concatenate([getattr(b, name) for b in batches]) for name in _ROW_SHAPES})

    def transform(self, matrix: np.ndarray) -> Grasps:
        """Return the grasps transformed by a rigid 4x4 matrix, parameters included; p goes to R p + t.

        Since the global rotation turns about the wrist joint, which rests at J0 = wrist - transl, the new transl is
        R wrist + t - J0. Raises ValueError for a matrix that is not rigid (scale, reflection, wrong shape).
        """
        rotation, offset = _rigid_parts(matrix)
        if not len(self):
            return self._replaced()

        def transformed(points: np.ndarray) -> np.ndarray:
            return points.astype(np.float64) @ rotation.T + offset

        from scipy.spatial.transform import Rotation

        turn = Rotation.from_matrix(rotation)
        wrist = transformed(self.wrist_position)
        return self._replaced(
            global_orient=(turn * Rotation.from_rotvec(self.global_orient)).as_rotvec(),
            transl=wrist - (self.wrist_position.astype(np.float64) - self.transl),
            vertices=transformed(self.vertices), keypoints=transformed(self.keypoints), wrist_position=wrist,
            wrist_quaternion=_canonical(turn * Rotation.from_quat(self.wrist_quaternion)),
        )  # fmt: skip

    def mirrored(self) -> Grasps:
        """Return the grasps of the other hand: everything mirrored in x, for an object mirrored likewise."""
        other = "left" if self.side == "right" else "right"
        keypoints = self.keypoints * _FLIP_X
        position, quaternion = _wrist_pose(keypoints, other)
        return self._replaced(
            global_orient=self.global_orient * _FLIP_ROTATION, hand_pose=self.hand_pose * np.tile(_FLIP_ROTATION, 15),
            transl=self.transl * _FLIP_X, vertices=self.vertices * _FLIP_X, faces=self.faces[:, ::-1],
            keypoints=keypoints, wrist_position=position, wrist_quaternion=quaternion, side=other,
        )  # fmt: skip

    def save(self, path: str | Path) -> Path:
        """Write the .npz of docs/grasp_file.md atomically and return its path.

        Raises GraspFileError for another ending, OSError where the folder cannot be written.
        """
        path = Path(path)
        if path.suffix != ".npz":
            raise GraspFileError(f"{path}: a grasp file ends in .npz, got '{path.suffix}'")
        write_grasp_arrays(path, self)
        return path

    @staticmethod
    def load(path: str | Path) -> Grasps:
        """Read what `save` wrote. Raises GraspFileError with the path and what is wrong."""
        path = Path(path)
        if not path.is_file():
            raise GraspFileError(f"No grasp file at {path}. Write one with Grasps.save or `fastgrasp generate`.")
        try:
            content = read_npz(path)
        except (NumpyFileError, OSError) as error:
            raise GraspFileError(f"{path} is damaged or no grasp file ({error}). Generate it again.") from error
        return _from_content(content, path)

    def export_meshes(self, folder: str | Path, suffix: str = ".ply") -> list[Path]:
        """Write each hand as folder/grasp_000.ply and so on (.ply, .obj or .stl), and return the paths in order."""
        import trimesh

        if suffix not in EXPORT_SUFFIXES:
            raise ValueError(f"suffix must be one of {', '.join(EXPORT_SUFFIXES)}, got {suffix!r}")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"grasp_{number:03d}{suffix}" for number in range(len(self))]
        for path, vertices in zip(paths, self.vertices, strict=True):
            trimesh.Trimesh(vertices, self.faces, process=False).export(path)
        return paths


def write_grasp_arrays(path: Path, grasps: Grasps, **more: np.ndarray) -> None:
    """Write a grasp file with `more` arrays in it, atomically. Raises OSError where it cannot be written."""
    arrays = {field.name: np.asarray(getattr(grasps, field.name)) for field in fields(Grasps)}
    version = np.int64(FORMAT_VERSION)
    write_atomically(path, lambda file: np.savez_compressed(file, format_version=version, **more, **arrays))


def _from_content(content: dict[str, np.ndarray], path: Path) -> Grasps:
    names = [field.name for field in fields(Grasps)]
    missing = [name for name in ("format_version", *names) if name not in content]
    if missing:
        raise GraspFileError(f"{path} is no grasp file: it lacks {', '.join(missing)}. See docs/grasp_file.md.")
    version = content["format_version"]
    if version.shape != () or version != FORMAT_VERSION:
        reads = f"this FastGrasp reads {FORMAT_VERSION}. Install its version."
        raise GraspFileError(f"{path} has format {version}, {reads}")
    for name in _ROW_SHAPES:
        if content[name].dtype.kind != "f" or not np.isfinite(content[name]).all():
            raise GraspFileError(f"{path}: '{name}' is not all finite floating numbers. Generate the file again.")
    if content["faces"].dtype.kind not in "iu":
        raise GraspFileError(f"{path}: 'faces' has dtype {content['faces'].dtype}, expected integers.")
    if content["faces"].size and not (content["faces"].min() >= 0 and content["faces"].max() < VERTICES):
        raise GraspFileError(f"{path}: 'faces' names vertices outside 0..{VERTICES - 1}. Generate the file again.")
    try:
        return Grasps(**{name: content[name] for name in names if name != "side"}, side=str(content["side"]))
    except (ValueError, TypeError) as error:
        raise GraspFileError(f"{path}: {error}. Generate the file again.") from error


def _rigid_parts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-6):
        raise ValueError(f"expected a 4x4 matrix with last row 0 0 0 1, got shape {matrix.shape}")
    rotation = matrix[:3, :3]
    if not np.isfinite(matrix).all() or np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-4:
        raise ValueError("the 4x4 matrix scales, shears or is not finite; give a rotation and a translation only")
    if np.linalg.det(rotation) < 0:
        raise ValueError("the 4x4 matrix mirrors; use Grasps.mirrored() for the other hand")
    return rotation, matrix[:3, 3]


def _wrist_pose(keypoints: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Compute the wrist frame of keypoints (B, 21, 3): position (B, 3) and quaternion (B, 4) x, y, z, w."""
    from scipy.spatial.transform import Rotation

    if not len(keypoints):
        return np.zeros((0, 3)), np.zeros((0, 4))
    position, rotation = wrist_frame(keypoints, side)
    return position, _canonical(Rotation.from_matrix(rotation))


def _canonical(rotation: object) -> np.ndarray:
    """Return quaternions x, y, z, w with w >= 0."""
    quaternion = rotation.as_quat()
    return np.where(quaternion[:, 3:] < 0, -quaternion, quaternion)
