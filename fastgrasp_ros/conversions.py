"""Between NumPy arrays and ROS messages: pure functions, no node, no torch.

Two facts rule the code (measured): a float32[] field takes an `array.array` at once and a NumPy array forty times
slower, and nested messages (geometry_msgs/Point) cost some 20 ms a hand, so they serve display only.
"""

import array

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from fastgrasp.msg import Grasp, GraspArray, HandMesh

_DATATYPES = {
    1: "INT8",
    2: "UINT8",
    3: "INT16",
    4: "UINT16",
    5: "INT32",
    6: "UINT32",
    7: "FLOAT32",
    8: "FLOAT64",
}
_FLOATS = {PointField.FLOAT32: "f4", PointField.FLOAT64: "f8"}
_COLOURS = (
    (0.90, 0.62, 0.48),
    (0.55, 0.70, 0.88),
    (0.62, 0.82, 0.60),
    (0.86, 0.76, 0.50),
    (0.76, 0.64, 0.84),
)


class CloudMessageError(ValueError):
    """A PointCloud2 that does not hold what its header says, or no x, y, z."""


def _coordinate_fields(message: PointCloud2) -> list[PointField]:
    """The fields x, y, z of a cloud; raises CloudMessageError if they are missing or of an unusable type."""
    fields = {field.name: field for field in message.fields}
    missing = [name for name in "xyz" if name not in fields]
    if missing:
        raise CloudMessageError(
            f"the cloud lacks the field(s) {', '.join(missing)}; it has {sorted(fields) or 'none'}, "
            "and x, y and z in metres are needed"
        )
    for field in (fields[name] for name in "xyz"):
        if field.datatype not in _FLOATS:
            kind = _DATATYPES.get(field.datatype, str(field.datatype))
            raise CloudMessageError(f"field '{field.name}' has datatype {kind}; FLOAT32 or FLOAT64 is needed")
        if field.count > 1:
            raise CloudMessageError(f"field '{field.name}' holds {field.count} values a point; one is needed")
        end = field.offset + np.dtype(_FLOATS[field.datatype]).itemsize
        if end > message.point_step:
            raise CloudMessageError(
                f"field '{field.name}' ends at byte {end}, but point_step says {message.point_step} bytes a point"
            )
    return [fields[name] for name in "xyz"]


def cloud_to_points(message: PointCloud2) -> np.ndarray:
    """The coordinates of a sensor_msgs/PointCloud2, NaN kept.

    Any point_step, offsets and row padding; FLOAT32 and FLOAT64; little- and big-endian.
    Returns (N, 3), or (H, W, 3) for an organised cloud, in the message's frame and unit; float32, or float64 if
    any coordinate is FLOAT64. A fresh array. Raises CloudMessageError with one sentence on what is wrong.
    """
    height, width, step = message.height, message.width, message.point_step
    if height * width == 0:
        raise CloudMessageError(f"the cloud is empty (height {height}, width {width})")
    fields = _coordinate_fields(message)
    row = message.row_step if height > 1 else width * step  # drivers fill it carelessly for a single row
    if row < width * step:
        raise CloudMessageError(
            f"row_step is {row} bytes, but {width} points of {step} bytes need {width * step}"
        )
    needed = (height - 1) * row + width * step
    if len(message.data) < needed:
        raise CloudMessageError(
            f"the cloud's data are truncated: {len(message.data)} bytes, but {height} x {width} points need {needed}"
        )
    order = ">" if message.is_bigendian else "<"
    kind = np.float64 if any(f.datatype == PointField.FLOAT64 for f in fields) else np.float32
    points = np.empty((height, width, 3), kind)
    for axis, field in enumerate(fields):
        points[..., axis] = np.ndarray(
            (height, width), order + _FLOATS[field.datatype], message.data, field.offset, (row, step)
        )
    return points[0] if height == 1 else points


def points_to_cloud(points: np.ndarray, header: Header) -> PointCloud2:
    """An unorganised (N, 3) or organised (H, W, 3) array as a little-endian float32 PointCloud2."""
    points = np.asarray(points, "<f4")
    if points.ndim not in (2, 3) or points.shape[-1] != 3:
        raise ValueError(f"expected points of shape (N, 3) or (H, W, 3), got {points.shape}")
    message = PointCloud2(header=header)
    message.height, message.width = (1, len(points)) if points.ndim == 2 else points.shape[:2]
    message.fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate("xyz")
    ]
    message.point_step = 12
    message.row_step = 12 * message.width
    message.is_bigendian = False
    message.is_dense = bool(np.isfinite(points).all())
    message.data = _flat(points.reshape(-1), "<f4", "B")
    return message


def grasps_to_message(grasps, header: Header, object_id: str = "") -> GraspArray:
    """A batch of `fastgrasp_model.grasps.Grasps` as a GraspArray, in the same order."""
    message = GraspArray(header=header, object_id=object_id)
    poses = wrist_poses(grasps)
    message.grasps = [
        Grasp(
            side=grasps.side,
            score=float(grasps.score[i]),
            wrist_pose=poses[i],
            betas=_row(grasps.betas[i]),
            global_orient=_row(grasps.global_orient[i]),
            hand_pose=_row(grasps.hand_pose[i]),
            transl=_row(grasps.transl[i]),
            keypoints=_row(grasps.keypoints[i]),  # (21, 3) -> 63
            vertices=_flat(grasps.vertices[i]),  # (778, 3) -> 2334
        )
        for i in range(len(grasps))
    ]
    return message


def message_to_grasps(message: GraspArray, triangles: np.ndarray):
    """A GraspArray as `fastgrasp_model.grasps.Grasps`.

    triangles: (F, 3) of the right hand, from the latched topic `~/hand_topology` (`topology_to_triangles`); they
    are turned around for a left hand.
    Raises ValueError for an empty array or one that mixes sides.
    """
    from fastgrasp_model.grasps import Grasps

    sides = sorted({grasp.side for grasp in message.grasps})
    if len(sides) != 1:
        raise ValueError(f"expected grasps of one side, got {len(message.grasps)} grasps of sides {sides}")
    count = len(message.grasps)

    def gathered(name: str, *shape: int) -> np.ndarray:
        return np.array([getattr(g, name) for g in message.grasps], np.float32).reshape(count, *shape)

    poses = [(g.wrist_pose.position, g.wrist_pose.orientation) for g in message.grasps]
    return Grasps(
        betas=gathered("betas", 10),
        global_orient=gathered("global_orient", 3),
        hand_pose=gathered("hand_pose", 45),
        transl=gathered("transl", 3),
        vertices=gathered("vertices", -1, 3),
        faces=triangles[:, ::-1] if sides[0] == "left" else triangles,
        keypoints=gathered("keypoints", 21, 3),
        wrist_position=np.array([(p.x, p.y, p.z) for p, _ in poses], np.float32),
        wrist_quaternion=np.array([(q.x, q.y, q.z, q.w) for _, q in poses], np.float32),
        side=sides[0],
        score=gathered("score"),
    )


def triangles_to_topology(triangles: np.ndarray) -> HandMesh:
    """The hand's triangles (F, 3) as a HandMesh without vertices."""
    return HandMesh(triangles=_flat(triangles, "u4", "I"))


def topology_to_triangles(message: HandMesh) -> np.ndarray:
    """(F, 3) uint32 triangles of a HandMesh."""
    return np.array(message.triangles, np.uint32).reshape(-1, 3)


def wrist_poses(grasps) -> list[Pose]:
    """The operator-frame wrist poses of a batch of grasps."""
    poses = []
    for position, quaternion in zip(
        grasps.wrist_position.tolist(), grasps.wrist_quaternion.tolist(), strict=True
    ):
        pose = Pose()
        pose.position.x, pose.position.y, pose.position.z = position
        pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w = quaternion
        poses.append(pose)
    return poses


def grasps_to_poses(grasps, header: Header) -> PoseArray:
    """The wrist poses as a PoseArray, for displays and planners that know no hands."""
    return PoseArray(header=header, poses=wrist_poses(grasps))


def grasps_to_markers(grasps, header: Header, count: int) -> MarkerArray:
    """The first `count` hands as opaque triangle lists; earlier hands are deleted first. Some 20 ms a hand."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for i in range(min(count, len(grasps))):
        marker = Marker(header=header, ns="hands", id=i, type=Marker.TRIANGLE_LIST, action=Marker.ADD)
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = 1.0
        marker.color.r, marker.color.g, marker.color.b = _COLOURS[i % len(_COLOURS)]
        marker.color.a = 1.0
        corners = [Point(x=x, y=y, z=z) for x, y, z in grasps.vertices[i].astype(float).tolist()]
        marker.points = [
            corners[v] for v in grasps.faces.reshape(-1).tolist()
        ]  # shared points: built once each
        markers.append(marker)
    return MarkerArray(markers=markers)


def _flat(values: np.ndarray, kind: str = "f4", code: str = "f") -> array.array:
    """A NumPy array as a flat `array.array`, copied in one go."""
    flat = array.array(code)
    flat.frombytes(np.ascontiguousarray(values, kind).tobytes())
    return flat


def _row(values: np.ndarray) -> np.ndarray:
    """A flat float32 row, as the fixed-size message fields want it."""
    return np.ascontiguousarray(values, np.float32).reshape(-1)
