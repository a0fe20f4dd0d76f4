"""The qualities of service the node speaks with; subscribers of its topics can use the same."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

NEWEST_CLOUD = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # sensor data, never a backlog
RESULTS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
