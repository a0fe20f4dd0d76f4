"""Conversions between NumPy arrays and ROS messages: pure functions without node or PyTorch.

A float32[] field takes an `array.array` forty times faster than a NumPy array, and nested messages such as
geometry_msgs/Point cost some 20 ms for each hand; therefore only messages for display are nested.
"""

import array

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from fastgrasp.msg import Grasp, GraspArray, HandMesh

_DATATYPES = ("", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "FLOAT32", "FLOAT64")  # by PointField's codes
_FLOATS = {PointField.FLOAT32: "f4", PointField.FLOAT64: "f8"}
# Fields of a Grasp of fixed size, flat in the message, with their shapes.
_ROWS = {"betas": (10,), "global_orient": (3,), "hand_pose": (45,), "transl": (3,), "keypoints": (21, 3)}
_COLOURS = ((0.90, 0.62, 0.48), (0.55, 0.70, 0.88), (0.62, 0.82, 0.60), (0.86, 0.76, 0.50), (0.76, 0.64, 0.84))


class CloudMessageError(ValueError):
    """A PointCloud2 that does not hold what its header says, or lacks x, y or z."""


def cloud_to_points(message: PointCloud2) -> np.ndarray:
    """Return the coordinates of a sensor_msgs/PointCloud2 as a new array; NaN are kept.

    Reads any point_step, offsets and row padding, FLOAT32 and FLOAT64, little- and big-endian. Returns (N, 3), or
    (H, W, 3) for an organised cloud, in the message's frame and unit; float64 if any coordinate is, else float32.
    Raises CloudMessageError with one sentence on what is wrong.
    """
    height, width, step = message.height, message.width, message.point_step
    if height * width == 0:
        raise CloudMessageError(f"the cloud is empty (height {height}, width {width})")
    fields = _coordinate_fields(message)
    row = message.row_step if height > 1 else width * step  # many drivers leave it unset for a single row
    if row < width * step:
        raise CloudMessageError(f"row_step is {row} bytes, but {width} points of {step} bytes need {width * step}")
    needed = (height - 1) * row + width * step
    if len(message.data) < needed:
        raise CloudMessageError(
            f"the cloud's data are truncated: {len(message.data)} bytes, but {height} x {width} points need {needed}"
        )
    order = ">" if message.is_bigendian else "<"
    kind = np.float64 if any(f.datatype == PointField.FLOAT64 for f in fields) else np.float32
    points = np.empty((height, width, 3), kind)
    for axis, field in enumerate(fields):
        layout = order + _FLOATS[field.datatype]
        points[..., axis] = np.ndarray((height, width), layout, message.data, field.offset, (row, step))
    return points[0] if height == 1 else points


def _coordinate_fields(message: PointCloud2) -> list[PointField]:
    """Return the fields x, y, z of a cloud; raises CloudMessageError if one is missing or of an unusable type."""
    fields = {field.name: field for field in message.fields}
    if missing := [name for name in "xyz" if name not in fields]:
        raise CloudMessageError(
            f"the cloud lacks the field(s) {', '.join(missing)}; it has {sorted(fields) or 'none'}, "
            "and x, y and z in metres are needed"
        )
    found = [fields[name] for name in "xyz"]
    for field in found:
        if field.datatype not in _FLOATS:
            kind = _DATATYPES[field.datatype] if field.datatype < len(_DATATYPES) else field.datatype
            raise CloudMessageError(f"field '{field.name}' has datatype {kind}; FLOAT32 or FLOAT64 is needed")
        if field.count > 1:
            raise CloudMessageError(f"field '{field.name}' holds {field.count} values a point; one is needed")
        end = field.offset + np.dtype(_FLOATS[field.datatype]).itemsize
        if end > message.point_step:
            raise CloudMessageError(
                f"field '{field.name}' ends at byte {end}, but point_step says {message.point_step} bytes a point"
            )
    return found


def points_to_cloud(points: np.ndarray, header: Header) -> PointCloud2:
    """Return an unorganised (N, 3) or organised (H, W, 3) array as a little-endian float32 PointCloud2."""
    points = np.asarray(points, "<f4")
    if points.ndim not in (2, 3) or points.shape[-1] != 3:
        raise ValueError(f"expected points of shape (N, 3) or (H, W, 3), got {points.shape}")
    height, width = (1, len(points)) if points.ndim == 2 else points.shape[:2]
    message = PointCloud2(header=header, height=height, width=width, point_step=12, row_step=12 * width)
    message.fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")
    ]
    message.is_dense = bool(np.isfinite(points).all())
    message.data = _flat(points, "<f4", "B")
    return message


def grasps_to_message(grasps, header: Header, object_id: str = "") -> GraspArray:
    """Return a batch of `fastgrasp_model.Grasps` as a GraspArray, in the same order."""
    poses = wrist_poses(grasps)
    messages = [
        Grasp(
            side=grasps.side,
            score=float(grasps.score[i]),
            wrist_pose=poses[i],
            vertices=_flat(grasps.vertices[i]),  # (778, 3) -> 2334
            **{name: np.ascontiguousarray(getattr(grasps, name)[i], np.float32).reshape(-1) for name in _ROWS},
        )
        for i in range(len(grasps))
    ]
    return GraspArray(header=header, object_id=object_id, any_good=grasps.any_good, grasps=messages)


def message_to_grasps(message: GraspArray, triangles: np.ndarray):
    """Return a GraspArray as `fastgrasp_model.Grasps`.

    triangles: (F, 3) of the right hand, from the latched topic `~/hand_topology` (`topology_to_triangles`); their
    orientation is reversed for a left hand. An empty array, as `min_score` may leave it, is an empty batch of right
    hands. Raises ValueError for an array that mixes sides.
    """
    from fastgrasp_model import Grasps

    sides = sorted({grasp.side for grasp in message.grasps})
    if len(sides) > 1:
        raise ValueError(f"expected grasps of one side, got {len(message.grasps)} grasps of sides {sides}")

    count, side = len(message.grasps), sides[0] if sides else "right"
    rows = {
        name: np.array([getattr(grasp, name) for grasp in message.grasps], np.float32).reshape(count, *shape)
        for name, shape in {**_ROWS, "vertices": (778, 3), "score": ()}.items()
    }
    poses = [(grasp.wrist_pose.position, grasp.wrist_pose.orientation) for grasp in message.grasps]
    return Grasps(
        faces=triangles[:, ::-1] if side == "left" else triangles,
        wrist_position=np.array([(p.x, p.y, p.z) for p, _ in poses], np.float32).reshape(count, 3),
        wrist_quaternion=np.array([(q.x, q.y, q.z, q.w) for _, q in poses], np.float32).reshape(count, 4),
        side=side, **rows,
    )


def triangles_to_topology(triangles: np.ndarray) -> HandMesh:
    """Return the hand's triangles (F, 3) as a HandMesh without vertices."""
    return HandMesh(triangles=_flat(triangles, "u4", "I"))


def topology_to_triangles(message: HandMesh) -> np.ndarray:
    """Return the triangles (F, 3) uint32 of a HandMesh."""
    return np.array(message.triangles, np.uint32).reshape(-1, 3)


def wrist_poses(grasps) -> list[Pose]:
    """Return the wrist pose of each grasp, in the operator frame of docs/grasp_file.md."""
    poses = [Pose() for _ in range(len(grasps))]
    for pose, position, quaternion in zip(poses, grasps.wrist_position, grasps.wrist_quaternion, strict=True):
        pose.position.x, pose.position.y, pose.position.z = position.tolist()
        pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w = quaternion.tolist()
    return poses


def grasps_to_poses(grasps, header: Header) -> PoseArray:
    """Return the wrist poses as a PoseArray, for displays and planners that know no hands."""
    return PoseArray(header=header, poses=wrist_poses(grasps))


def grasps_to_markers(grasps, header: Header, count: int) -> MarkerArray:
    """Return the first `count` hands as opaque triangle lists, after a marker that deletes earlier ones."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for i in range(min(count, len(grasps))):
        marker = Marker(header=header, ns="hands", id=i, type=Marker.TRIANGLE_LIST, action=Marker.ADD)
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = 1.0
        marker.color.r, marker.color.g, marker.color.b = _COLOURS[i % len(_COLOURS)]
        marker.color.a = 1.0
        corners = [Point(x=x, y=y, z=z) for x, y, z in grasps.vertices[i].astype(float).tolist()]
        marker.points = [corners[v] for v in grasps.faces.reshape(-1).tolist()]  # each Point is made once and shared
        markers.append(marker)
    return MarkerArray(markers=markers)


def _flat(values: np.ndarray, kind: str = "f4", code: str = "f") -> array.array:
    """Return a NumPy array as a flat `array.array`, copied at once."""
    flat = array.array(code)
    flat.frombytes(np.ascontiguousarray(values, kind).tobytes())
    return flat
