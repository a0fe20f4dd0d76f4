"""What pip needs beyond pyproject.toml (metadata) and setup.cfg (entry points): packages, shared files, interfaces.

The ROS interfaces (msg, srv, action) are built by CMakeLists.txt where ROS 2 is found: a sourced distribution, or the
wheels of PyPI in this environment. Without ROS they are left out and nothing is compiled; all but the node works.

    pip install .                                   # the library and the commands; the interfaces where ROS 2 is found
    FASTGRASP_INTERFACES=1 pip install '.[ros]'     # build them, and let pip bring ROS 2
    FASTGRASP_SKIP_INTERFACES=1 pip install .       # leave them out
    python setup.py build_interfaces --into-prefix  # only (re)build the interfaces; `make env` does this
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Command, Distribution, find_packages, setup
from setuptools.command.build import build

ROOT = Path(__file__).resolve().parent
SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
COMPILED = shutil.ignore_patterns("__pycache__")
BUILD = ROOT / "build" / f"interfaces-{sysconfig.get_platform()}-{sys.implementation.cache_tag}"


def wants_interfaces() -> bool:
    """Whether to build the interfaces: as the environment variables say, otherwise where ROS 2 is found."""
    if os.getenv("FASTGRASP_SKIP_INTERFACES"):
        return False
    runtime = Path(sysconfig.get_paths()["purelib"]) / "rclpy"  # seen also from pip's isolated build
    return bool(os.getenv("FASTGRASP_INTERFACES") or runtime.is_dir() or ros_prefixes())


def ros_prefixes() -> list[str]:
    """Installation prefixes of the ROS to build against: a sourced distribution first, then PyPI's wheels."""
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    spec = importlib.util.find_spec("ament_package")
    if spec and spec.origin:  # PREFIX/lib/pythonX.Y/site-packages/ament_package/__init__.py
        prefixes.append(str(Path(spec.origin).resolve().parents[4]))
    return list(dict.fromkeys(prefixes))


def build_requirements() -> list[str]:
    """What pip's isolated build of the interfaces needs; nothing where they are left out."""
    if not wants_interfaces() or "build_interfaces" in sys.argv:
        return []
    lines = (ROOT / "requirements" / "build.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def require_compiler() -> None:
    """Say what is missing before CMake says it at length."""
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        raise SystemExit(f"fastgrasp: Python's headers are missing. Debian: apt-get install python{SITE[10:14]}-dev")
    if not (shutil.which("c++") or shutil.which("g++")):
        raise SystemExit("fastgrasp: no C++ compiler found. Debian: apt-get install g++")


def cmake_install(stage: Path) -> None:
    """Configure, build and install the interfaces under `stage`."""
    require_compiler()
    prefixes = ros_prefixes()
    if not prefixes:
        raise SystemExit("fastgrasp: no ROS 2 to build the interfaces against. Source a distribution or run `make env`")
    places = [str(Path(p) / "bin") for p in [sys.prefix, *prefixes]]
    env = dict(os.environ, PATH=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    env["AMENT_PREFIX_PATH"] = env["CMAKE_PREFIX_PATH"] = os.pathsep.join(prefixes)
    env["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)  # an isolated build finds its tools there
    shutil.rmtree(BUILD, ignore_errors=True)  # a few seconds' work; a stale cache costs more
    settings = {
        "FASTGRASP_PIP": "ON",
        "BUILD_TESTING": "OFF",
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_INSTALL_PREFIX": stage,
        "PYTHON_INSTALL_DIR": SITE,
        "Python3_EXECUTABLE": sys.executable,
        "CMAKE_PROJECT_INCLUDE": ROOT / "cmake" / "pypi_ros_wheels.cmake",
    }
    generator = ["-G", "Ninja"] if shutil.which("ninja", path=env["PATH"]) else []
    options = [f"-D{name}={value}" for name, value in settings.items()]
    for command in (["-S", ROOT, "-B", BUILD, *generator, *options], ["--build", BUILD, "--target", "install"]):
        subprocess.run(["cmake", *map(str, command)], check=True, env=env, stdout=subprocess.DEVNULL)


class BuildInterfaces(Command):
    """Build the ROS interfaces: into the wheel, or with --into-prefix into the running environment."""

    description = "build the ROS messages, service and action"
    user_options = [
        ("into-prefix", None, "install into sys.prefix instead of the wheel"),
        ("build-lib=", None, "the wheel's build folder"),
    ]
    boolean_options = ["into-prefix"]
    editable_mode = False

    def initialize_options(self):
        self.into_prefix = False
        self.build_lib = None

    def finalize_options(self):
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def run(self):
        if self.editable_mode or self.into_prefix:
            cmake_install(Path(sys.prefix))
            return
        stage = BUILD.with_name(BUILD.name + "-stage")
        shutil.rmtree(stage, ignore_errors=True)
        cmake_install(stage)
        module = Path(self.build_lib) / "fastgrasp"
        shutil.copytree(stage / SITE / "fastgrasp", module, dirs_exist_ok=True, ignore=COMPILED)
        for folder, _, names in os.walk(stage):
            place = Path(folder).relative_to(stage)
            if names and place.parts[0] in ("lib", "share") and "site-packages" not in place.parts:
                self.distribution.data_files.append((str(place), [os.path.join(folder, n) for n in names]))

    # The protocol of a build step (setuptools.command.build.SubCommand).
    def get_source_files(self):
        folders = ("msg", "srv", "action", "cmake")
        return [str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).glob("*.*")]

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


class BuildWithInterfaces(build):
    sub_commands = [*build.sub_commands, ("build_interfaces", lambda _: wants_interfaces())]

    def run(self):
        if not wants_interfaces():
            print("fastgrasp: no ROS 2 found (or not wanted): the ROS interfaces are left out", file=sys.stderr)
        super().run()


class BinaryDistribution(Distribution):
    """With the interfaces the wheel carries compiled libraries: it belongs to one platform and one Python."""

    def has_ext_modules(self):
        return wants_interfaces()


ROOMS = {"fastgrasp_evaluation": "evaluation", "fastgrasp_synthesis": "synthesis", "fastgrasp_training": "training"}


def packages() -> list[str]:
    """The Python packages; each folder of `ROOMS` installs under its key. `tools/` and `tests/` stay behind."""
    names = find_packages(str(ROOT), include=("fastgrasp_model*", "fastgrasp_ros*"))
    for package, folder in ROOMS.items():
        names += [package, *(f"{package}.{name}" for name in find_packages(str(ROOT / folder)))]
    return names


def shared_files() -> list[tuple[str, list[str]]]:
    """Files under share/fastgrasp, where ROS looks for them: configuration, launch file, RViz layout."""
    found: dict[str, list[str]] = {}
    for folder in ("config", "launch", "rviz"):
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.is_file() and "__pycache__" not in path.parts:
                place = path.relative_to(ROOT)
                found.setdefault(f"share/fastgrasp/{place.parent}", []).append(str(place))
    return list(found.items())


setup(
    packages=packages(),
    package_dir=ROOMS,
    package_data={
        "fastgrasp_model": ["hand/data/*", "weights/**/*", "renamed.json"],
        "fastgrasp_ros": ["data/*"],
        "fastgrasp_evaluation": ["metrics/*.yaml", "report/*.yaml", "report/templates/*", "study/page/*"],
        "fastgrasp_synthesis": ["data/*.npz"],
    },
    data_files=shared_files(),
    include_package_data=False,
    zip_safe=False,
    setup_requires=build_requirements(),
    distclass=BinaryDistribution,
    cmdclass={"build": BuildWithInterfaces, "build_interfaces": BuildInterfaces},
)
