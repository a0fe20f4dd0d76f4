"""A small benchmark report with everything that can go wrong in it."""

import copy

import pytest

COLUMNS = {
    "penetration_volume_cm3": ("volume\nsolid", "cm3", 2, "lower"),
    "displacement_six_directions_cm": ("moved\n6 ways", "cm", 2, "lower"),
    "held_1s_share": ("held\n1 s", "%", 0, "higher"),
    "joint_limit_violation_deg": ("joint\nexcess", "deg", 1, "lower"),
    "entropy_nats": ("entropy\n", "nats", 2, "higher"),
    "penetration_volume_surface_cm3": ("volume\nsurface", "cm3", 2, "lower"),
    "displacement_legacy_cm": ("moved\n+y", "cm", 2, "lower"),
    "contact_within_5mm_share": ("touch\n< 5 mm", "%", 0, "higher"),
    "contact_volume_share": ("touch\nvolume", "%", 0, "higher"),
    "entropy_whitened_nats": ("entropy\nwhite", "nats", 2, "higher"),
    "cluster_size_whitened": ("cluster\nwhite", "", 2, "higher"),
}
NAMES = list(COLUMNS)
VALUES = dict(zip(NAMES, (3.21, 1.5, 0.6, None, 2.8, 2.5, 1.2, 1.0, 0.9, 2.7, 3.9), strict=True))
HO3D = [f"{number}_x" for number in ("003", "004", "006", "010", "011", "019", "021", "025", "035", "037")]


def grasp(seed: int, index: int, problem=None, simulator_problem=None) -> dict:
    row = {"seed": seed, "index": index, "problem": problem, "simulator_problem": simulator_problem}
    figures = {name: None if problem else VALUES[name] for name in NAMES}
    if simulator_problem:
        figures.update(displacement_six_directions_cm=None, held_1s_share=None, displacement_legacy_cm=10.0)
    elif not problem:
        figures["penetration_volume_cm3"] += 0.5 * index + 0.1 * seed
    return {**row, **figures}


def thing(name: str, grasps: list[dict], refused=None, notes=()) -> dict:
    mean = {name: None if refused else VALUES[name] for name in NAMES}
    measured = 0 if refused else sum(row["problem"] is None for row in grasps)
    return {
        "object": name, "refused": refused, "notes": list(notes), "count": len(grasps), "measured": measured,
        "mean": mean, "grasps": grasps,
    }  # fmt: skip


def build(objects: list[dict], seeds=(0, 1), **settings) -> dict:
    grasps = [row for item in objects for row in item["grasps"]]
    measured = sum(item["measured"] for item in objects)
    table = {name: {"mean": VALUES[name], "sd": None if VALUES[name] is None else 0.25} for name in NAMES}
    return {
        "format": "fastgrasp-benchmark",
        "format_version": 1,
        "settings": {
            "command": "objects", "label": "ours", "objects": [item["object"] for item in objects], "samples": 10,
            "seeds": list(seeds), "cloud": "full", "protocols": ["strict", "legacy"], "weights": "default",
            "hand": "open hand", "simulated": True, "version": "1.2.3", "source": None, **settings,
        },
        "columns": {
            name: dict(zip(("title", "unit", "digits", "better"), column, strict=True))
            | {"explanation": f"What {name} counts.", "of_set": name.startswith(("entropy", "cluster"))}
            for name, column in COLUMNS.items()
        },
        "protocols": {"strict": NAMES[:5], "legacy": NAMES[5:]},
        "table": table,
        "seeds": [
            {"seed": seed, "table": {n: None if v is None else v + 0.1 * seed for n, v in VALUES.items()}}
            for seed in seeds
        ],
        "objects": objects,
        "counts": {
            "objects": len(objects), "refused_objects": sum(item["refused"] is not None for item in objects),
            "grasps": len(grasps), "measured": measured, "unmeasured": len(grasps) - measured,
            "simulator_failures": sum(row["simulator_problem"] is not None for row in grasps),
        },
        "timing": None,
    }  # fmt: skip


@pytest.fixture
def make_report():
    """A report of some objects, all measured: make_report(names, label=..., table={column: mean}, ...)."""

    def make(names=("mug", "box"), table=None, **settings) -> dict:
        things = [thing(name, [grasp(seed, i) for seed in (0, 1) for i in range(3)]) for name in names]
        report = copy.deepcopy(build(things, **settings))
        for name, mean in (table or {}).items():
            report["table"][name]["mean"] = mean
        return report

    return make


@pytest.fixture
def broken_report() -> dict:
    """One object refused, three grasps not measured, one simulator failure, and an object with a hostile name."""
    return copy.deepcopy(build([
        thing("mug", [grasp(0, 0), grasp(0, 1, "NaN in the parameters"), grasp(1, 4, "NaN in the parameters"),
                      grasp(1, 5, "wrong shape")], notes=["2 holes of up to 11 mm filled"]),
        thing("<script>alert(1)</script>", [grasp(0, 0), grasp(0, 7, simulator_problem="the engine gave up")]),
        thing("clamp", [grasp(0, i, "object refused: a hole 84 mm across") for i in range(2)],
              refused="a hole 84 mm across"),
    ], label='"><img src=x onerror=alert(2)>'))  # fmt: skip


@pytest.fixture
def ho3d_names() -> list[str]:
    return HO3D
