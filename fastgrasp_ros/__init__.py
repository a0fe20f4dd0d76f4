"""FastGrasp over ROS 2: a lifecycle node that answers point clouds of objects with human grasps.

`node.py` holds the node, `parameters.py` its parameters, `conversions.py` the conversions between NumPy and messages.
Only this package uses ROS.
"""
