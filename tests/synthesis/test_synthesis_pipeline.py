"""A run of the synthesis: it resumes, grows, ends when there is enough, refuses strangers, and counts what it cost."""

import io
import json
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
sys.path.insert(0, str(Path(__file__).parent))  # so that processes the tests start find it, too
import toy_synthesis

from fastgrasp_synthesis import command, display, packing, pipeline, stability
from fastgrasp_synthesis import shard as real
from fastgrasp_synthesis.folder import FolderError, locked
from fastgrasp_synthesis.grasp_set import load_grasp_set
from fastgrasp_synthesis.sources import Sources
from fastgrasp_synthesis.tally import LOG, read_log

TOY = toy_synthesis.Settings()
OBJECTS = [f"thing:{n}" for n in range(8)]


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """Runs with the toy's settings make shards of random numbers, of objects with any names."""
    monkeypatch.setattr(real, "ShardMaker", toy_synthesis.ShardMaker)
    monkeypatch.setattr(pipeline, "resolve", lambda objects, seed: Sources(list(objects)))
    monkeypatch.setenv("TOY_FOLDER", str(tmp_path))
    return tmp_path / "set"


def files(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("shard_*.npz"))}


def test_a_run_resumes_and_writes_the_same(toy):
    seen = []
    state = pipeline.run(toy, OBJECTS, TOY, seed=4, watch=lambda run: seen.append(run.whole.shards))
    assert seen == [0, 1, 2, 3, 4] and state.complete and state.whole.grasps == 24 == len(load_grasp_set(toy))
    first = files(toy)
    pipeline.shard_path(toy, 1).unlink()
    state = pipeline.run(toy, OBJECTS, TOY, seed=4)
    assert state.now.shards == 1 and state.whole.shards == 4  # only the missing one
    assert files(toy) == first


def test_a_seed_gives_every_shard_its_own(toy):
    pipeline.run(toy, OBJECTS, TOY, seed=4)
    pipeline.run(toy.with_name("other"), OBJECTS, TOY, seed=5)
    every = [*files(toy).values(), *files(toy.with_name("other")).values()]
    assert len(set(every)) == 8
    first, second = (load_grasp_set(pipeline.shard_path(toy, number)).transl for number in (0, 1))
    assert not np.array_equal(first, second)


def test_shards_hold_no_time_stamps(toy):
    pipeline.run(toy, OBJECTS[:2], TOY)
    with zipfile.ZipFile(pipeline.shard_path(toy, 0)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_ends_when_there_are_enough(toy):
    state = pipeline.run(toy, OBJECTS, TOY, grasps=7)
    assert state.complete and state.whole.shards == 2 and len(load_grasp_set(toy)) == 12
    assert pipeline.run(toy, OBJECTS, TOY, grasps=12).now.shards == 0
    assert pipeline.run(toy, OBJECTS, TOY, grasps=13).now.shards == 1
    assert pipeline.run(toy, OBJECTS, TOY, grasps=1000).whole.shards == 4  # no more objects


def test_a_folder_grows_by_objects_at_the_end(toy):
    pipeline.run(toy, OBJECTS[:5], TOY)  # the third shard has one object
    first = files(toy)
    state = pipeline.run(toy, OBJECTS, TOY)
    assert state.now.shards == 2 and state.whole.objects == 8
    assert load_grasp_set(toy).objects == OBJECTS
    assert list(files(toy).items())[:2] == list(first.items())[:2]
    pipeline.run(toy.with_name("at_once"), OBJECTS, TOY)
    assert files(toy) == files(toy.with_name("at_once"))


@pytest.mark.parametrize(("change", "said"), [({"seed": 5}, "seed is 4 there, 5 asked for"), (
    {"settings": toy_synthesis.Settings(grasps=2)}, "settings.grasps is 3 there, 2 asked"), (
        {"settings": toy_synthesis.Settings(optimise={"steps": 9})}, "settings.optimise.steps is 7 there, 9 asked"), (
            {"objects": ["thing:0", "thing:9", *OBJECTS[2:]]}, "object 2 is thing:1 there, thing:9 asked"),
                                              ({"objects": OBJECTS[:6]}, "8 objects there, only 6 asked")])
def test_another_run_in_the_same_folder_is_refused_and_the_difference_named(toy, change, said):
    same = {"objects": OBJECTS, "settings": TOY, "seed": 4}
    pipeline.run(toy, **same, grasps=1)
    before = files(toy)
    with pytest.raises(FolderError, match=said) as caught:
        pipeline.run(toy, **{**same, **change})
    assert "another --out" in str(caught.value) and str(caught.value).count(" there") == 1
    assert files(toy) == before


def test_an_own_mesh_that_changed_is_refused(tmp_path):
    import trimesh

    trimesh.creation.box((0.05, 0.05, 0.05)).export(tmp_path / "box.ply")
    pipeline.run(tmp_path / "set", str(tmp_path / "box.ply"), TOY, grasps=0)
    about = json.loads((tmp_path / "set" / "objects.json").read_text())
    assert about["root"] == str(tmp_path) and list(about["objects"]) == ["file:box.ply"]
    trimesh.creation.box((0.05, 0.05, 0.06)).export(tmp_path / "box.ply")
    with pytest.raises(FolderError, match="file:box.ply is not the file it was"):
        pipeline.run(tmp_path / "set", str(tmp_path / "box.ply"), TOY, grasps=0)


def test_own_meshes_reach_the_maker_without_their_files(tmp_path, monkeypatch):
    import trimesh

    seen = {}

    class Maker(toy_synthesis.ShardMaker):
        def make(self, specs, seed):
            seen.update({spec: self.make_object(spec) for spec in specs})
            return super().make(specs, seed)

    monkeypatch.setattr(real, "ShardMaker", Maker)
    box = trimesh.creation.box((0.05, 0.05, 0.07))
    box.apply_translation((1, 2, 3))
    box.export(tmp_path / "box.ply")
    pipeline.run(tmp_path / "set", [str(tmp_path / "box.ply"), "can:3"], TOY)
    assert np.allclose(seen["file:box.ply"].bounds[1], (0.025, 0.025, 0.035)) and len(seen["can:3"].faces) > 12
    assert load_grasp_set(tmp_path / "set").objects == ["file:box.ply", "can:3"]


def test_a_broken_object_fails_its_shard_alone_and_is_tried_again(toy):
    objects = ["thing:0", "thing:1", "fail:1", "thing:3", "thing:4"]
    state = pipeline.run(toy, objects, TOY)
    assert list(state.now.failed) == [1] and "fail:1 cannot be made" in state.now.failed[1]
    assert state.whole.shards == 2 and not state.complete
    again = pipeline.run(toy, objects, TOY)
    assert again.now.shards == 0 and list(again.summary()["failed_shards"]) == ["1"]


def test_a_shard_that_failed_and_was_made_later_is_no_failure(toy):
    pipeline.run(toy, OBJECTS, TOY, grasps=1)
    with open(toy / LOG, "a") as log:
        log.write('{"shard": 1, "failed": "no memory"}\n{"shard": 3, "failed": "no memory"}\n')
    assert list(pipeline.run(toy, OBJECTS, TOY, grasps=12).summary()["failed_shards"]) == ["3"]
    assert not pipeline.run(toy, OBJECTS, TOY).summary()["failed_shards"]


def test_what_interrupted_writes_left_is_removed(toy):
    toy.mkdir()
    (toy / ".shard_00000.npz.77.part").write_bytes(b"half")
    pipeline.run(toy, OBJECTS, TOY, grasps=1)
    assert sorted(path.name for path in toy.iterdir()) == [".lock", LOG, "set.json", "shard_00000.npz"]


def test_two_runs_in_one_folder_are_refused(toy):
    toy.mkdir()
    with locked(toy), pytest.raises(FolderError, match="is making shards there already"):
        pipeline.run(toy, OBJECTS, TOY)
    pipeline.run(toy, OBJECTS, TOY, grasps=1)


def test_cost_and_counts_go_on_over_several_runs(toy):
    pipeline.run(toy, OBJECTS, TOY, grasps=1)
    lines = [json.loads(line) for line in (toy / LOG).read_text().splitlines()]
    assert lines[0]["shard"] == 0 and lines[0]["kept"] == {"wrap": 3, "pinch": 3} and lines[0]["core_seconds"] >= 0
    expensive = {**lines[0], "core_seconds": 7200.0}
    (toy / LOG).write_text(json.dumps(expensive) + '\n{"shard": 1, "kep')  # and a crash in the middle of a line
    summary = pipeline.run(toy, OBJECTS, TOY).summary()
    assert summary["core_hours"] == pytest.approx(2.0, abs=0.01) and summary["this_run"]["shards"] == 3
    assert summary["candidates"] == 48 and summary["grasps"] == 24 and summary["rejected"] == {"slip": 24}
    assert summary["yield_by_type"] == {"pinch": 0.5, "wrap": 0.5} and summary["seconds_by_stage"] == {"optimise": 2.0}
    later = pipeline.run(toy, OBJECTS, TOY).summary()
    assert {name: later[name] for name in ("candidates", "core_hours", "rejected")} == {
        name: summary[name] for name in ("candidates", "core_hours", "rejected")}


def test_a_shard_made_twice_counts_once_but_costs_twice(toy):
    pipeline.run(toy, OBJECTS, TOY)
    line = json.loads((toy / LOG).read_text().splitlines()[0])
    (toy / LOG).write_text(2
                           * (json.dumps({**line, "core_seconds": 5.0, "device": "cuda", "wall_seconds": 3.0}) + "\n"))
    tally = read_log(toy, {0: pipeline.shard_path(toy, 0), 1: pipeline.shard_path(toy, 1)})
    assert tally.shards == 2 and tally.grasps == 12  # shard 1 has no line and is counted from its file
    assert tally.core_seconds == 10.0 and tally.gpu_seconds == 6.0 and sum(tally.candidates.values()) == 12


def test_settings_files(tmp_path):
    shipped = Path(__file__).parents[2] / "config" / "synthesis.yaml"
    assert pipeline.load_settings(shipped) == real.ShardSettings()  # the file states the defaults
    default = real.ShardSettings()
    half = pipeline.load_settings(None, per_object=default.grasps // 2)
    assert half.candidates == default.candidates // 2 and half.grasps == default.grasps // 2
    assert pipeline.load_settings(None, per_object=2).enough == 2  # else every object would get all rounds
    assert pipeline.load_settings(None, candidates=9).candidates == 9
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("graspz: 3\n")
    with pytest.raises(pipeline.SettingsError, match="graspz"):
        pipeline.load_settings(wrong)


@pytest.mark.parametrize(("arguments", "said"), [
    (["--objects", "0"], "at least 1 object"), (["--grasps", "0"], "--grasps: expected 1 or more"),
    (["--workers", "two"], "--workers: expected a whole number"), (["--config", "none.yaml"], "none.yaml"),
    (["--device", "tpu"], "expected cpu or cuda"), (["--pack", "set.zip"], "ends in .npz")])
def test_the_command_names_mistakes(arguments, said, tmp_path, capsys):
    assert command.main(["--out", str(tmp_path / "a"), *arguments]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "a").exists()


def test_a_device_that_is_not_there(tmp_path, capsys, monkeypatch):
    import torch

    monkeypatch.setattr(torch.version, "cuda", None)
    assert command.main(["--out", str(tmp_path / "a"), "--device", "cuda"]) == 2
    assert "built without CUDA" in capsys.readouterr().err
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main(["--out", str(tmp_path / "a"), "--device", "cuda"]) == 2
    assert "no GPU" in capsys.readouterr().err


def test_the_command_counts_packs_and_shows(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "load_settings", lambda *options: TOY)
    monkeypatch.setattr(packing, "pack", lambda grasps, path: grasps.save(path))  # the toy's hands are no hands
    call = ["--out", str(toy), "--objects", *OBJECTS, "--json", "--pack", str(tmp_path / "packed.npz")]
    assert command.main([*call, "--grasps", "6"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["grasps"] == 6 and summary["complete"] and not summary["failed_shards"]
    assert len(load_grasp_set(tmp_path / "packed.npz")) == 6
    assert command.main(call[:-3]) == 0
    shown = capsys.readouterr()
    assert "24 grasps on 8 objects" in shown.out and "this run: 3 shards, 18 grasps" in shown.out
    assert "wrap                        12 kept   50%" in shown.out
    assert "synthesize: 1/4 shards  6 grasps" in shown.err and "wrap 3 (50%)  pinch 3 (50%)" in shown.err


def test_the_command_packs_what_is_stable_and_not_too_much(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "load_settings", lambda *options: TOY)
    monkeypatch.setattr(packing, "pack", lambda grasps, path: grasps.save(path))
    monkeypatch.setattr(stability, "KEPT", 0)
    monkeypatch.setattr(stability, "gravity_residuals", lambda grasps, *rest: np.arange(len(grasps), dtype=float))
    call = ["--out", str(toy), "--objects", *OBJECTS, "--pack", str(tmp_path / "packed.npz"), "--pack-gap", "9.5"]
    assert command.main(call) == 0
    assert len(load_grasp_set(tmp_path / "packed.npz")) == 10
    assert command.main([*call, "--pack-grasps", "4"]) == 0
    assert len(load_grasp_set(tmp_path / "packed.npz")) == 4


def test_a_set_that_cannot_be_packed_still_gets_its_summary(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "load_settings", lambda *options: TOY)
    call = ["--out", str(toy), "--objects", *OBJECTS, "--json", "--pack", str(tmp_path / "packed.npz")]
    assert command.main(call) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["grasps"] == 24 and "not packed: " in shown.err


def test_the_terminal_shows_rates_and_types(toy):
    from rich.console import Console

    state = pipeline.run(toy, OBJECTS, TOY, grasps=7)
    console = Console(width=100, file=io.StringIO())
    console.print(display._picture(state))
    bar, text, types, *_ = console.file.getvalue().splitlines()
    assert bar.startswith("━") and "2/4 shards  12 of 7 grasps" in text and "yield 50%" in text
    assert types.split() == ["wrap", "6", "50%", "pinch", "6", "50%"]


def test_a_plain_line_is_written_again_and_again(monkeypatch):
    monkeypatch.setattr(display, "MINUTE", 0.05)
    stream = io.StringIO()
    state = pipeline.Run(Path(), 4, None, pipeline.Tally())
    with display.shown(stream) as watch:
        watch(state)
        state.notice("shard 3: its worker was killed")
        end = time.monotonic() + 5
        while stream.getvalue().count("0/4 shards") < 3 and time.monotonic() < end:
            time.sleep(0.02)
    lines = stream.getvalue().splitlines()
    assert sum("0/4 shards  0 grasps" in text for text in lines) >= 3
    assert sum("shard 3: its worker was killed" in text for text in lines) == 1


def test_an_interrupt_says_what_is_kept(toy, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "load_settings", lambda *options: TOY)
    monkeypatch.setattr(toy_synthesis.time, "sleep", lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt))
    code = command.main(["--out", str(toy), "--objects", *OBJECTS[:2], "sleep:1"])
    assert code == 130 and "keeps 1 whole shards, the same command goes on" in capsys.readouterr().err
