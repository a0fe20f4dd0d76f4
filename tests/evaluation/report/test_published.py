"""The published rows are what is printed, and say what makes them comparable."""

import pytest

from fastgrasp_evaluation.report import published_rows
from fastgrasp_evaluation.report.comparable import marks_between, marks_of_published, spoilt
from fastgrasp_evaluation.report.tables import autoencoder_table, protocol_table, published_table


def find(table: int, data_set: str, method: str, training_data: str | None = "any"):
    (row,) = (
        row for row in published_rows()
        if (row.table, row.data_set, row.method) == (table, data_set, method)
        and training_data in ("any", row.training_data)
    )  # fmt: skip
    return row


@pytest.mark.parametrize(
    ("where", "figures"),
    [
        ((1, "HO-3D", "CVAE"), (23.17, 3.12, 100, 2.64, 0.93, None)),
        ((1, "GRAB", "diffusion + physical loss"), (8.43, 5.24, 50, 2.84, 1.26, None)),
        ((1, "OakInk", "diffusion"), (18.34, 1.45, 98, 2.91, 5.24, None)),
        ((2, "HO-3D", "GF"), (93.01, None, 100, 2.75, 3.44, 32.75)),
        ((2, "HO-3D", "GraspTTA"), (7.37, 5.34, 76, 2.70, 1.43, 6.90)),
        ((2, "HO-3D", "FastGrasp", "GRAB"), (5.23, 2.14, 98, 2.88, 3.97, 0.14)),
        ((2, "HO-3D", "FastGrasp", "OakInk"), (12.30, 1.44, 100, 2.88, 4.41, None)),
        ((3, "OakInk", "GrabNet"), (6.60, 1.21, 94, 1.68, 1.22, None)),
        ((3, "GRAB", "HALO"), (2.09, 3.61, 94, 2.88, 2.15, None)),
    ],
)
def test_figures_are_as_printed(where, figures):
    row = find(*where)
    names = ("volume_cm3", "displacement_cm", "contact_percent", "entropy", "cluster_size", "seconds_per_grasp")
    assert tuple(row.figures.get(name) for name in names) == figures
    assert row.source.endswith(f"Table {where[0]}") and "FastGrasp: Efficient Grasp Synthesis" in row.source


def test_all_tables_are_there():
    count = {table: sum(row.table == table for row in published_rows()) for table in (1, 2, 3, 4)}
    assert count == {1: 12, 2: 8, 3: 7, 4: 3}
    row = find(4, "OakInk", "autoencoder, vertices in")
    assert row.figures == {"displacement_cm": 1.83, "depth_cm": 0.91, "volume_cm3": 2.39, "contact_percent": 98}


def test_the_same_objects_make_displacement_and_contact_comparable_and_nothing_else(make_report, ho3d_names):
    ours = make_report(ho3d_names)
    row = find(2, "HO-3D", "FastGrasp", "GRAB")
    marks = marks_of_published(ours, row)
    assert {mark.word for mark in marks if mark.same} == {"objects", "samples", "cloud", "displacement", "contact"}
    assert {mark.word for mark in marks if not mark.same} == {"hand", "training", "volume", "diversity", "seconds"}
    alike = {name for name in row.figures if not spoilt(marks, name)}
    assert alike == {"displacement_cm", "contact_percent"}


@pytest.mark.parametrize(
    ("where", "names", "settings"),
    [
        ((2, "HO-3D", "HALO"), ["mug"], {}),
        ((2, "HO-3D", "HALO"), None, {"cloud": "partial"}),
        ((3, "GRAB", "HALO"), None, {}),
        ((4, "OakInk", "autoencoder, vertices in"), None, {}),
    ],
)
def test_other_objects_clouds_or_tasks_make_nothing_comparable(make_report, ho3d_names, where, names, settings):
    ours, row = make_report(names or ho3d_names, **settings), find(*where)
    marks = marks_of_published(ours, row)
    assert all(spoilt(marks, name) for name in row.figures)


def test_ranked_figures_stand_beside_no_plain_ones(make_report, ho3d_names):
    plain, ranked, old = make_report(candidates=1), make_report(candidates=8), make_report()
    foreign = make_report(cloud=None, candidates=None)
    for ours, theirs, text in ((plain, ranked, "8; ours 1"), (ranked, plain, "1; ours 8"), (ranked, old, "1; ours 8")):
        (mark,) = (mark for mark in marks_between(ours, theirs) if mark.word == "candidates")
        assert mark.text == text and spoilt([mark], "held_1s_share")
    for ours, theirs in ((plain, old), (ranked, make_report(candidates=8)), (plain, foreign)):
        assert not [mark for mark in marks_between(ours, theirs) if mark.word == "candidates"]
    (mark,) = (mark for mark in marks_between(ranked, foreign) if mark.word == "candidates")
    assert not mark.same and not spoilt([mark], "held_1s_share")
    row = find(2, "HO-3D", "HALO")
    assert all(spoilt(marks_of_published(make_report(ho3d_names, candidates=8), row), name) for name in row.figures)
    assert not spoilt(marks_of_published(make_report(ho3d_names, candidates=1), row), "displacement_cm")


def test_a_mano_hand_is_the_published_hand(make_report):
    row = find(2, "HO-3D", "HALO")

    def hand(name):
        (mark,) = (mark for mark in marks_of_published(make_report(hand=name), row) if mark.word == "hand")
        return mark.same

    assert hand("MANO, right") and not hand("open hand") and not hand("open hand (MANO's topology)")
    assert not hand(None)


def test_best_values_are_marked_among_comparable_rows_only(make_report, ho3d_names):
    ours = make_report(ho3d_names)  # moves 1.20, touches all, volume 2.5
    table = published_table(ours, [])
    group = table.groups[0]
    moved = [head.name for head in table.heads].index("displacement_legacy_cm")
    assert [row.label for row in group.rows if row.cells[moved].best] == ["ours"]
    assert {row.label for row in group.rows if row.cells[2].best} == {"ours", "GF", "ContactGen", "FastGrasp", "CVAE"}
    assert not any(row.cells[0].best or row.cells[3].best for row in group.rows)  # volume, entropy
    for other in (*table.groups[1:], *autoencoder_table(ours).groups):
        assert not any(cell.best for row in other.rows for cell in row.cells)


def test_the_contact_of_our_row_is_that_of_the_data_set(make_report):
    texts = [group.rows[0].cells[2].text for group in published_table(make_report(), []).groups]
    assert texts == ["100", "90", "90"]


def test_other_reports_are_marked_and_compete_where_they_are_alike(make_report):
    ours = make_report()
    others = [
        make_report(label="alike", hand="MANO", table={"penetration_volume_cm3": 1.0}),
        make_report(label="ceiling", names=("a", "b", "c"), table={"penetration_volume_cm3": 0.1}),
        make_report(label="few", samples=2, table={"penetration_volume_cm3": 4.0, "entropy_nats": 2.9}),
        make_report(label="partial", cloud="partial", table={"penetration_volume_cm3": 0.2}),
        make_report(label="foreign", cloud=None, table={"penetration_volume_cm3": 2.0}),
    ]
    rows = protocol_table(ours, "strict", others).rows
    assert [row.cells[0].alike for row in rows] == [True, True, False, True, False, True]
    assert [row.label for row in rows if row.cells[0].best] == ["alike"]
    assert [row.cells[4].alike for row in rows] == [True, True, False, False, False, True]  # entropy
    differing = [{mark.word for mark in row.marks if not mark.same} for row in rows[1:]]
    assert differing == [{"hand"}, {"objects"}, {"samples"}, {"cloud"}, {"cloud"}]
    (objects,) = (mark for mark in marks_between(ours, others[1]) if mark.word == "objects")
    assert objects.text == "3 objects, 0 of them among our 2"


def test_an_object_that_one_report_could_not_measure_makes_them_differ(make_report, broken_report):
    marks = marks_between(make_report(("mug", "clamp")), broken_report)
    assert next(mark for mark in marks if mark.word == "objects").spoils is None
