"""Writes tiny data sets in the official layouts, with the open hand, as the data sets' own tool kits would read them.

Every writer gives back the truth: for each hand the vertices (778, 3) in the object's frame, worked out with the tool
kit's own formula in the tool kit's own frame and then taken back through the object's pose.
"""

import json
import pickle
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from scipy.spatial.transform import Rotation

from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.conventions import CONVENTIONS, ForeignHand, from_parameters
from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND

GRAB_NAMES = ("mug", "cubesmall", "apple")  # test, train, val
OAKINK_IDS = {"A01001": "mug_real", "s16101": "mug_virtual"}
HO3D_NAME = "003_cracker_box"


@dataclass
class Written:
    """What was written: vertices (N, 778, 3) in the object's frame, by the name of the frame."""

    truth: dict[str, np.ndarray]
    people: dict[str, np.ndarray]


def random_hands(count: int, seed: int = 0) -> np.ndarray:
    """Parameters (count, 61) of hands bent by some tenths of a radian, some decimetres from the origin."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.normal(size=(count, 10)), rng.normal(size=(count, 3)), rng.normal(0, 0.3, (count, 45)),
         rng.normal(0, 0.2, (count, 3))], axis=1
    )  # fmt: skip


def posed(parameters: np.ndarray, template: np.ndarray | None = None) -> np.ndarray:
    """Vertices (N, 778, 3) of the open hand in double precision; `template`: a person's own rest mesh."""
    model = load_hand_file(OPEN_HAND)
    model = model if template is None else {**model, "v_template": template}
    layer = ManoLayer(model, dtype=torch.float64)
    return layer.from_parameters(torch.from_numpy(np.asarray(parameters, dtype=np.float64))).vertices.numpy()


def object_mesh(seed: int = 0) -> trimesh.Trimesh:
    """A small closed solid without symmetry, away from the origin; its middle is not its vertices' mean."""
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=0.04)
    mesh.vertices = mesh.vertices * [1.0, 0.8, 1.3] + 0.02 * (mesh.vertices[:, :1] > 0) * mesh.vertices
    mesh.vertices += rng.uniform(0.01, 0.03, 3)
    return mesh


def write_mesh(path, mesh) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mesh.export(path)


def write_grabnet(root, seed: int = 0, bump: float = 0.0, frames: int = 3) -> Written:
    """GRAB for GrabNet: one object a split, two people; `bump`: metres by which their rest meshes are no MANO shape."""
    rng = np.random.default_rng(seed)
    neutral = np.zeros((1, 61))
    people = {}
    for number, person in enumerate(("s1", "s10")):
        neutral[0, :10] = rng.normal(size=10)
        people[person] = posed(neutral)[0] + bump * rng.normal(size=(778, 3)) + 0.01 * number  # and elsewhere
    np.save(root / "sbj_info.npy", {p: {"rh_vtemp": v, "rh_betas": np.zeros(10)} for p, v in people.items()})
    truth = {}
    for name, split in zip(GRAB_NAMES, ("test", "train", "val"), strict=True):
        mesh = object_mesh(seed)
        write_mesh(root / "obj_meshes" / f"{name}.ply", mesh)
        who = [list(people)[i % 2] for i in range(frames)]
        names = [f"{split}/data/{person}/{name}_drink_1/{i}.npz" for i, person in enumerate(who)]
        hands = random_hands(frames, seed + 1)
        turns = Rotation.from_rotvec(hands[:, 10:58].reshape(-1, 3)).as_matrix().reshape(frames, 16, 3, 3)
        matrices = Rotation.random(frames, random_state=seed).as_matrix()  # as stored: v M + t
        places = rng.normal(0, 0.3, (frames, 3))
        (root / split).mkdir(parents=True, exist_ok=True)
        np.savez(root / split / "frame_names.npz", frame_names=names)
        np.savez(
            root / split / f"grabnet_{split}.npz",
            root_orient_obj_rotmat=matrices.reshape(frames, 1, 9).astype(np.float64), trans_obj=places,
            global_orient_rhand_rotmat=turns[:, :1], fpose_rhand_rotmat=turns[:, 1:], trans_rhand=hands[:, 58:],
            trans_rhand_f=hands[:, 58:] + 1,
        )  # fmt: skip
        bare = hands.copy()
        bare[:, :10] = 0
        world = np.stack([posed(bare[i : i + 1], people[p])[0] for i, p in enumerate(who)])
        saved = trimesh.load(root / "obj_meshes" / f"{name}.ply").vertices
        for i, frame in enumerate(names):
            turned = saved @ matrices[i] + places[i]  # the object in the world, as the tool kit poses it
            truth[frame] = (world[i] - turned.mean(0)) @ matrices[i].T
    return Written(truth, people)


def write_raw_grab(root, seed: int = 0, fingers: str = "fullpose") -> Written:
    """Raw GRAB: one sequence of four frames; the right hand touches in the second and fourth, the left in the third."""
    rng = np.random.default_rng(seed)
    mesh, neutral = object_mesh(seed), np.zeros((1, 61))
    write_mesh(root / "tools" / "object_meshes" / "contact_meshes" / "mug.ply", mesh)
    neutral[0, :10] = rng.normal(size=10)
    template = posed(neutral)[0]
    faces = load_hand_file(OPEN_HAND)["f"]
    rest = trimesh.Trimesh(template, faces, process=False)
    write_mesh(root / "tools" / "subject_meshes" / "female" / "s1_rhand.ply", rest)
    template = np.asarray(trimesh.load(root / "tools/subject_meshes/female/s1_rhand.ply", process=False).vertices)
    hands = random_hands(4, seed + 1)
    hands[:, :10] = 0
    turn, place = rng.normal(size=(4, 3)), rng.normal(0, 0.3, (4, 3))
    contact = np.zeros((4, len(mesh.vertices)), dtype=np.int8)
    contact[1, 3], contact[2, 5], contact[3, 7] = 44, 21, 22
    hand = {"global_orient": hands[:, 10:13], "transl": hands[:, 58:], "hand_pose": np.zeros((4, 24))}
    if fingers == "fullpose":
        hand["fullpose"] = hands[:, 13:58]
    folder = root / "grab" / "s1"
    folder.mkdir(parents=True)
    np.savez(
        folder / "mug_drink_1.npz", gender="female", sbj_id="s1", obj_name="mug", framerate=120.0, n_frames=4,
        n_comps=24, rhand=np.array({"params": hand, "vtemp": "tools/subject_meshes/female/s1_rhand.ply"}, dtype=object),
        object=np.array({"params": {"global_orient": turn, "transl": place},
                         "object_mesh": "tools/object_meshes/contact_meshes/mug.ply"}, dtype=object),
        contact=np.array({"object": contact, "body": contact[:, :9]}, dtype=object),
    )  # fmt: skip
    world = posed(hands, template)
    saved = trimesh.load(root / "tools/object_meshes/contact_meshes/mug.ply").vertices
    truth = {}
    for i in (1, 3):
        matrix = Rotation.from_rotvec(turn[i]).as_matrix()  # v M + t, as the tool kit's object model
        truth[f"s1/mug_drink_1/{i}"] = (world[i] - (saved @ matrix + place[i]).mean(0)) @ matrix.T
    return Written(truth, {"s1": template})


def write_oakink(root, seed: int = 0, quaternions: bool = False, centre: int = 0) -> Written:
    """OakInk-Shape: one grasp on a real object, and the same grasp transferred to a virtual one."""
    shape = root / "shape"
    (shape / "metaV2").mkdir(parents=True)
    real, virtual = OAKINK_IDS
    (shape / "metaV2" / "object_id.json").write_text(json.dumps({real: {"name": OAKINK_IDS[real]}}))
    (shape / "metaV2" / "virtual_object_id.json").write_text(json.dumps({virtual: {"name": OAKINK_IDS[virtual]}}))
    write_mesh(shape / "OakInkObjectsV2" / OAKINK_IDS[real] / "align" / "scan_align.obj", object_mesh(seed))
    write_mesh(shape / "OakInkVirtualObjectsV2" / OAKINK_IDS[virtual] / "align" / "model_align.ply", object_mesh(7))
    layer = ManoLayer(load_hand_file(OPEN_HAND), dtype=torch.float64)
    folder = shape / "oakink_shape_v2" / "mug" / real / "0cc013118e"
    places = [folder, folder / virtual]
    hands, truth = random_hands(2, seed), {}
    for place, hand in zip(places, hands, strict=True):
        place.mkdir(parents=True)
        name = "OakInk" if centre == 0 else "OakInk tool kit"
        foreign: ForeignHand = from_parameters(hand[None], layer, CONVENTIONS[name])
        pose = foreign.pose[0]
        if quaternions:
            pose = np.roll(Rotation.from_rotvec(pose.reshape(16, 3)).as_quat(), 1, axis=1)  # w first
        content = {"pose": pose.astype(np.float32), "shape": foreign.betas[0].astype(np.float32)}
        content["tsl"] = foreign.transl[0].astype(np.float32)
        (place / "hand_param.pkl").write_bytes(pickle.dumps(content))
        truth[str(place.relative_to(shape))] = posed(hand[None])[0]
    (folder / "source.txt").write_text(f"pass1/{real}_0001_0000/2021-09-26-19-59-58\n")
    return Written(truth, {})


def write_ho3d(root, seed: int = 0, protocol: int = 2, frames: int = 3) -> Written:
    """HO-3D: a sequence of annotated frames and one without annotation; YCB-Video's models beside, in models/."""
    rng = np.random.default_rng(seed)
    mesh = object_mesh(seed)
    path = root / "models" / HO3D_NAME / "textured_simple.obj"
    write_mesh(path, mesh)
    low, high = trimesh.load(path).bounds
    corners = np.array([[(low, high)[x][0], (low, high)[y][1], (low, high)[z][2]]
                        for x in (0, 1) for y in (0, 1) for z in (0, 1)])  # fmt: skip
    meta = root / "train" / "ABF10" / "meta"
    meta.mkdir(parents=True)
    hands = random_hands(frames, seed + 1)
    hands[:, 60] -= 0.6  # OpenGL: in front of the camera is -z
    world, truth = posed(hands), {}
    for i, hand in enumerate(hands):
        turn, place = rng.normal(size=3), rng.normal(0, 0.1, 3) - [0, 0, 0.6]
        content = {
            "handPose": hand[10:58], "handBeta": hand[:10], "handTrans": hand[58:], "objRot": turn[:, None],
            "objTrans": place, "objName": HO3D_NAME, "objLabel": 3, "objCorners3DRest": corners,
            "camMat": np.eye(3), "handJoints3D": np.zeros((21, 3)), "handVertContact": np.zeros(778, dtype=bool),
        }  # fmt: skip
        (meta / f"{i:04d}.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
        truth[f"ABF10/{i:04d}"] = (world[i] - place) @ Rotation.from_rotvec(turn).as_matrix()
    bare = {**content, "objRot": None, "objTrans": None}
    (meta / f"{frames:04d}.pkl").write_bytes(pickle.dumps(bare, protocol=protocol))
    return Written(truth, {})
