"""Launch the grasp planner, and RViz on request.

    ros2 launch fastgrasp fastgrasp.launch.py points_topic:=/camera/object_points use_rviz:=true

`device` and `mano_path` override the parameters file. Fast DDS gets the profile for large clouds unless
FASTDDS_DEFAULT_PROFILES_FILE is set.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

SHARE = Path(get_package_share_directory("fastgrasp"))
ARGUMENTS = {
    "params_file": (str(SHARE / "config" / "fastgrasp.yaml"), "parameters of the node"),
    "points_topic": ("points", "sensor_msgs/PointCloud2 of one object, in metres"),
    "use_rviz": ("false", "show the cloud and the hands in RViz"),
    "device": ("", "cpu, cuda, cuda:0, ... or auto; empty: as the parameters file says"),
    "mano_path": ("", "MANO_RIGHT.pkl, MANO_LEFT.pkl or .npz; empty: as the parameters file says"),
}


def planner(context):
    """Return the node; arguments that were given override the parameters file."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ("device", "mano_path")}
    overrides = {name: value for name, value in given.items() if value}
    return [
        LifecycleNode(
            package="fastgrasp", executable="fastgrasp_node", name="fastgrasp", namespace="", output="screen",
            parameters=[LaunchConfiguration("params_file"), *([overrides] if overrides else [])],
            remappings=[("points", LaunchConfiguration("points_topic"))],
        )
    ]


def generate_launch_description():
    """Return arguments, Fast DDS profile, the node and RViz."""
    profile = os.environ.get("FASTDDS_DEFAULT_PROFILES_FILE") or str(SHARE / "config" / "fastdds_large_clouds.xml")
    rviz = Node(
        package="rviz2", executable="rviz2", arguments=["-d", str(SHARE / "rviz" / "fastgrasp.rviz")],
        remappings=[("points", LaunchConfiguration("points_topic"))],
        condition=IfCondition(LaunchConfiguration("use_rviz")),
    )
    return LaunchDescription(
        [
            *(DeclareLaunchArgument(name, default_value=value, description=text)
              for name, (value, text) in ARGUMENTS.items()),
            SetEnvironmentVariable("FASTDDS_DEFAULT_PROFILES_FILE", profile),
            OpaqueFunction(function=planner),
            rviz,
        ]
    )
