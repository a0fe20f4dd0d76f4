"""The command `fastgrasp_node`: starts the node, or says in one line what it lacks."""

from __future__ import annotations

import sys

_REMEDIES = {
    "fastgrasp": "the ROS interfaces are not built: install this package again where ROS 2 is found, or `make env`",
}


def main() -> int:
    """Run the node until it is shut down. The exit code is 1 where ROS 2 or the interfaces are missing."""
    try:
        from fastgrasp_ros.node import main as run
    except ImportError as error:
        from fastgrasp_model.commands.extras import remedy

        package = (error.name or "").partition(".")[0]
        why = f"source a ROS 2 distribution, or {remedy('ros')} (Python 3.10 to 3.12)"
        print(f"fastgrasp_node: error: {error}; {_REMEDIES.get(package, why)}", file=sys.stderr)
        return 1
    return run() or 0


if __name__ == "__main__":
    sys.exit(main())
