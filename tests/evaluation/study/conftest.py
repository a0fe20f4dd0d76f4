"""A small study to build, open and count: three methods, two objects, hands that are plain balls."""

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.metrics.hand_set import HandSet

LABELS = ("zebrafish", "quokkanet", "ibexflow")


def _ball_hands(name: str, count: int, shift: float = 0.0, problems: tuple[int, ...] = ()) -> HandSet:
    """`count` balls of 3 cm radius beside the origin, each a little farther out, as hands."""
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.03)
    vertices = [np.asarray(ball.vertices + [0.05 + shift + 0.004 * i, 0, 0], np.float32) for i in range(count)]
    reasons = ["NaN" if i in problems else None for i in range(count)]
    return HandSet(name, "right", vertices, [np.asarray(ball.faces, np.int32)] * count, None, None, None, reasons)


@pytest.fixture(scope="session")
def labels() -> tuple[str, ...]:
    """The methods, under names that stand nowhere else."""
    return LABELS


@pytest.fixture(scope="session")
def ball_hands():
    return _ball_hands


@pytest.fixture(scope="session")
def study_meshes():
    return {"025_mug": trimesh.creation.cylinder(0.03, 0.1), "013_apple": trimesh.creation.icosphere(2, 0.035)}


@pytest.fixture(scope="session")
def study_hands(study_meshes):
    return {
        label: {name: _ball_hands(name, 5, 0.02 * i) for name in study_meshes} for i, label in enumerate(LABELS)
    }


@pytest.fixture(scope="session")
def build_small_study(study_meshes, study_hands):
    """A function (folder) -> key path that builds the study there with small pictures: 4 questions."""
    from fastgrasp_evaluation.study import page
    from fastgrasp_evaluation.study.draw import draw_questions

    def build(folder, **settings):
        questions, _ = draw_questions(study_hands, list(study_meshes), per_object=2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(page, "PICTURE_SIZE", 64)
            return page.build_study(folder, questions, study_hands, study_meshes, page.Page(**settings))

    return build


@pytest.fixture(scope="session")
def small_study(tmp_path_factory, build_small_study):
    """(folder, key path) of a study that tests read but do not change."""
    folder = tmp_path_factory.mktemp("study") / "sent_out"
    return folder, build_small_study(folder, title="Which grasp?", contact="someone@example.org")
