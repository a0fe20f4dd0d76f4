"""The page of a study: a folder with pictures, scripts and their data, and beside it the key.

Participants get the folder. It works from a disk without network, and nothing in it reveals which method made a grasp:
pictures and choices have opaque ids, in the order of these ids, with equal time stamps. The key maps the ids to methods
and stays with the person who runs the study.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastgrasp_evaluation.study.draw import Question, StudyError
from fastgrasp_model.files import write_json

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.hand_set import HandSet

KEY_FORMAT, ANSWERS_FORMAT, FORMAT_VERSION = "fastgrasp-study-key", "fastgrasp-study-answers", 1
TEMPLATES = Path(__file__).with_name("page")
PICTURE_SIZE = 560  # pixels: sharp at half the width of a phone and in the larger view
_STAMP = 946684800  # 1 January 2000: hides the order in which pictures were drawn


@dataclass(frozen=True)
class Page:
    """Settings of a page: heading, where to send the answers, views of a grasp, seed of the draw."""

    title: str = "Grasp study"
    contact: str = ""
    views: int = 2
    seed: int = 0


def key_path(out: Path) -> Path:
    """Return the path of the key of a study in the folder `out`: beside it, <out>_key.json."""
    out = out.absolute()
    return out.with_name(f"{out.name}_key.json")


def check_place(out: Path, labels: Sequence[str], page: Page) -> None:
    """Raise StudyError if a study exists at `out`, or if the title or contact names a method."""
    for path in (out, key_path(out)):
        if path.exists() and not (path.is_dir() and path == out and not any(path.iterdir())):
            raise StudyError(f"{path} exists already; choose another --out, answers to an old study need its key")
    for label in labels:
        if re.search(rf"\b{re.escape(label)}\b", f"{page.title} {page.contact}", re.IGNORECASE):
            raise StudyError(f"the title or contact names the method '{label}', so people would see it; reword it")


def build_study(
    out: Path, questions: Sequence[Question], hands: dict[str, dict[str, HandSet]], meshes: dict[str, object],
    page: Page, progress: Callable[[], None] = lambda: None,
) -> Path:
    """Write the folder `out` and the key beside it, complete or not at all; return the path of the key.

    Args:
        questions: from `draw_questions`. hands: by label and object, as given there.
        meshes: for each object its mesh in the frame of its hands, or a cloud (N, 3); metres.
        progress: called after each candidate is drawn.

    Raises:
        StudyError: see `check_place`, or a hand cannot be drawn. OSError: the folder cannot be written.
    """
    check_place(out, list(hands), page)
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    study = secrets.token_hex(8)
    draft = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        for path in sorted(TEMPLATES.glob("*.*")):
            shutil.copyfile(path, draft / path.name)
        pictures = _draw_pictures(draft, questions, hands, meshes, page.views, progress)
        data = json.dumps(_page_data(study, questions, pictures, page), indent=1, sort_keys=True)
        (draft / "questions.js").write_text(f"window.STUDY = {data};\n", encoding="ascii")
        for path in [draft, *draft.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (_STAMP, _STAMP))
        if out.exists():
            out.rmdir()  # empty, see check_place
        write_json(key_path(out), _key_data(study, questions, list(hands), page))
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return key_path(out)


def readable(name: str) -> str:
    """Return an object's file name for people: 025_mug -> mug."""
    return re.sub(r"^\d+[-_ ]+", "", name).replace("_", " ").strip() or name


def _draw_pictures(folder: Path, questions, hands, meshes, views: int, progress) -> dict[str, list[str]]:
    """Draw every candidate, with the same rendering of the object; return the pictures' paths by candidate."""
    from PIL import Image

    from fastgrasp_model.pictures import hand_views
    from fastgrasp_model.pictures.scene import SceneObject

    (folder / "pictures").mkdir()
    scenes = {name: SceneObject(mesh) for name, mesh in meshes.items()}
    names: dict[str, list[str]] = {}
    for question in questions:
        for candidate in question.candidates:
            hand_set, i = hands[candidate.method][question.object_name], candidate.grasp
            keypoints = None if hand_set.keypoints is None else hand_set.keypoints[i]
            scene = scenes[question.object_name]
            try:
                drawn = hand_views(hand_set.vertices[i], hand_set.faces[i], scene, keypoints, views, PICTURE_SIZE)
            except ValueError as error:
                where = f"grasp {i} of {candidate.method} on {question.object_name}"
                raise StudyError(f"{where} cannot be drawn: {error}") from error
            names[candidate.id] = [f"pictures/{candidate.id}_{view}.jpg" for view in range(len(drawn))]
            for name, picture in zip(names[candidate.id], drawn, strict=True):
                Image.fromarray(picture).save(folder / name, quality=88, subsampling=0, optimize=True)
            progress()
    return names


def _page_data(study: str, questions: Sequence[Question], pictures: dict[str, list[str]], page: Page) -> dict:
    """Return the data of the page: no method, no index of a grasp, no seed of the draw."""
    entries = [
        {
            "id": question.id,
            "object": readable(question.object_name),
            "candidates": [{"id": c.id, "pictures": pictures[c.id]} for c in question.candidates],
        }
        for question in questions
    ]
    head = {"study": study, "format": ANSWERS_FORMAT, "format_version": FORMAT_VERSION}
    return head | {"title": page.title, "contact": page.contact, "questions": entries}


def _key_data(study: str, questions: Sequence[Question], labels: list[str], page: Page) -> dict:
    entries = [
        {
            "id": question.id,
            "object": question.object_name,
            "candidates": {c.id: {"method": c.method, "grasp": c.grasp} for c in question.candidates},
        }
        for question in questions
    ]
    head = {"format": KEY_FORMAT, "format_version": FORMAT_VERSION, "study": study}
    return head | {"title": page.title, "seed": page.seed, "methods": labels, "questions": entries}
