"""FastGrasp over ROS 2: a lifecycle node that turns object clouds into human grasps.

`node.py` holds the node, `parameters.py` its parameters, `conversions.py` the way between NumPy and messages.
The model is used through `fastgrasp_model` only; nothing there knows about ROS.
"""
