#!/bin/bash
# Builds the package with colcon against the ROS wheels in a virtual environment, runs one file of tests with `colcon
# test`, then imports what was installed.
# Usage: colcon_build.sh VENV OUT_FOLDER   (from the repository root; `make colcon` does this)
# With a sourced ROS distribution `colcon build` is enough.
set -euo pipefail
venv=$1
out=$2
root=$(pwd)
export PATH="$venv/bin:$PATH" AMENT_PREFIX_PATH="$venv" CMAKE_PREFIX_PATH="$venv"

options=(--base-paths . --build-base "$out/build" --install-base "$out/install")
colcon --log-base "$out/log" build "${options[@]}" --event-handlers console_cohesion- \
  --cmake-args -G Ninja -DFASTGRASP_TESTS=tests/ros/test_conversions.py -DPython3_EXECUTABLE="$venv/bin/python" \
  "-DCMAKE_PROJECT_INCLUDE=$root/cmake/pypi_ros_wheels.cmake"

# `colcon test` runs all tests, elsewhere; here those of one file, to see that it does.
colcon --log-base "$out/log" test "${options[@]}" --event-handlers console_cohesion- --return-code-on-test-failure \
  --ctest-args --output-on-failure
python - "$out/build/fastgrasp/test_results/fastgrasp/pytest.xunit.xml" <<'PY'
import sys
from xml.etree import ElementTree

suite = ElementTree.parse(sys.argv[1]).getroot().find("testsuite")
assert int(suite.get("tests")) > 10, "colcon test ran no tests"
print(f"colcon test: {suite.get('tests')} tests")
PY

# In another folder, so that neither the source tree nor the editable install is imported instead.
cd "$out"
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
set +u
source install/setup.bash
set -u
"$venv/bin/python" - "$(pwd)/install" <<'PY'
import importlib
import sys
from pathlib import Path

install = Path(sys.argv[1])
for name in ("fastgrasp.msg", "fastgrasp.srv", "fastgrasp.action", "fastgrasp_model", "fastgrasp_evaluation",
             "fastgrasp_synthesis", "fastgrasp_training", "fastgrasp_ros"):
    module = importlib.import_module(name)
    assert str(module.__path__[0]).startswith(str(install)), f"{name} comes from {module.__path__}"
for place in ("lib/fastgrasp/fastgrasp_node", "share/fastgrasp/launch", "share/fastgrasp/config"):
    assert (install / "fastgrasp" / place).exists(), f"{place} is not installed"
print("colcon: the installed package imports")
PY
