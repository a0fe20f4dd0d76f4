"""Ctrl-C: a command ends with code 130, one line and no file, at any moment and whatever swallows KeyboardInterrupt."""

import signal
import subprocess
import sys
import textwrap

import pytest
import trimesh

LINE = "fastgrasp test: interrupted\n"


def process(code: str) -> subprocess.Popen:
    """Start Python with `run` of the command line at hand; the code prints "now" where it is to be interrupted."""
    head = "import os, signal, sys, time\nfrom pathlib import Path\nfrom fastgrasp_model.cli import run\n"
    command = [sys.executable, "-c", head + textwrap.dedent(code)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupted(child: subprocess.Popen, times: int = 1) -> tuple[int, str, str]:
    """Interrupt a process when it says so; return exit code, the rest of stdout, and stderr."""
    assert child.stdout.readline() == "now\n", child.stderr.read()
    for _ in range(times):
        child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


SWALLOW = """
def command(argv):
    print("now", flush=True)
    try:
        time.sleep(60)
    except BaseException:
        pass
    {then}
sys.exit(run("fastgrasp test", command, []))
"""


@pytest.mark.parametrize(
    "then", ["return 0", "raise RuntimeError('what follows')", "time.sleep(60)", "sys.exit(3)",
             "[sum(range(10**8)) for _ in range(600)]"],
)  # fmt: skip
def test_a_swallowed_interrupt_ends_the_command_all_the_same(then):
    assert interrupted(process(SWALLOW.format(then=then))) == (130, "", LINE)


def test_nothing_is_written_after_a_swallowed_interrupt(tmp_path):
    then = f"from fastgrasp_model.files import write_text; write_text({str(tmp_path / 'a.txt')!r}, 'late')"
    assert interrupted(process(SWALLOW.format(then=then))) == (130, "", LINE)
    assert list(tmp_path.iterdir()) == []


def test_a_forced_end_removes_what_was_being_written(tmp_path):
    child = process(f"""
        from fastgrasp_model.files import write_atomically
        def write(file):
            file.write(b"half")
            file.flush()
            assert list(Path({str(tmp_path)!r}).glob(".*.part"))
            print("now", flush=True)
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
        sys.exit(run("fastgrasp test", lambda argv: write_atomically({str(tmp_path / "a.txt")!r}, write), []))
    """)
    assert interrupted(child) == (130, "", LINE)
    assert list(tmp_path.iterdir()) == []


def test_a_command_with_an_end_of_its_own_is_left_to_it():
    child = process("""
        from fastgrasp_model import interrupt
        def command(argv):
            try:
                print("now", flush=True)
                time.sleep(60)
            except KeyboardInterrupt:
                interrupt.forget()
            time.sleep(2 * interrupt.GRACE)
            print("ended in order")
        sys.exit(run("fastgrasp test", command, []))
    """)
    assert interrupted(child) == (0, "ended in order\n", "")


def test_a_command_with_a_handler_of_its_own_is_left_to_it():
    child = process("""
        from fastgrasp_model import interrupt
        def command(argv):
            signal.signal(signal.SIGINT, lambda *_: print("mine"))
            print("now", flush=True)
            time.sleep(2 * interrupt.GRACE)
        sys.exit(run("fastgrasp test", command, []))
    """)
    assert interrupted(child) == (0, "mine\n", "")


@pytest.mark.parametrize("step", ["at once", "imports", "trimesh", "generating", "writing"])
def test_generate_ends_at_any_moment_and_leaves_no_file(step, tmp_path):
    trimesh.creation.box((0.05, 0.06, 0.1)).export(tmp_path / "box.stl")
    # An import hook or a wrapped function says when the step is reached.
    child = process(f"""
        import builtins
        step = {step!r}
        def now():
            print("now", flush=True)
            time.sleep(0.3)
        from fastgrasp_model import cli
        if step == "imports":
            found = builtins.__import__
            def importing(name, *rest, **more):
                if name.startswith("torch.nn") and not hasattr(builtins, "told"):
                    builtins.told = True
                    now()
                return found(name, *rest, **more)
            builtins.__import__ = importing
        else:
            import numpy, trimesh
            from fastgrasp_model.generator import GraspGenerator
            places = {{"at once": (cli, "_run"), "trimesh": (trimesh.exchange.stl, "load_stl_binary"),
                      "generating": (GraspGenerator, "encode_object"), "writing": (numpy, "savez_compressed")}}
            owner, name = places[step]
            plain = getattr(owner, name)
            def wrapped(*words, **more):
                now()
                return plain(*words, **more)
            setattr(owner, name, wrapped)
            if step == "trimesh":
                loaders = trimesh.exchange.load.mesh_loaders
                loaders["stl"] = loaders["stl_binary"] = wrapped
        words = ["generate", {str(tmp_path / "box.stl")!r}, "--out", {str(tmp_path / "g.npz")!r}]
        sys.exit(cli.main(words))
    """)
    code, out, err = interrupted(child)
    assert (code, out) == (130, "") and err.endswith("interrupted\n") and len(err.splitlines()) == 1, err
    assert [path.name for path in tmp_path.iterdir()] == ["box.stl"]
