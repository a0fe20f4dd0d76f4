"""Files shared by the source tree, a pip installation and a colcon installation."""

import os
import sys
from pathlib import Path

FAST_DDS_PROFILE = "config/fastdds_large_clouds.xml"
_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def shared_file(name: str) -> Path:
    """Return the path of a shared file such as "config/fastgrasp.yaml".

    Looks in the source tree, the sourced ROS prefixes and this Python's prefix, in this order. Raises
    FileNotFoundError with every place.
    """
    source = Path(__file__).resolve().parent.parent
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    folders = [source] if (source / "package.xml").is_file() else []
    folders += [Path(p) / "share" / "fastgrasp" for p in [*prefixes, sys.prefix]]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    places = ", ".join(map(str, folders))
    raise FileNotFoundError(f"{name} is not installed (looked in {places}); install the package fastgrasp again")


def use_fast_dds_profile() -> None:
    """Give Fast DDS the profile with a large shared-memory segment, unless the user has set one.

    With the default segment of half a megabyte all best-effort clouds of 100,000 points are lost. Call it before the
    first `rclpy.init` of the process. Other middlewares ignore the variable.
    """
    if any(os.environ.get(name) for name in _PROFILE_VARIABLES):
        return
    try:
        os.environ[_PROFILE_VARIABLES[0]] = str(shared_file(FAST_DDS_PROFILE))
    except FileNotFoundError:
        pass  # small clouds work without it
