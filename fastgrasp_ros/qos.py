"""Qualities of service of the node's topics; their subscribers can use the same."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

NEWEST_CLOUD = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # as sensors publish, without a queue
RESULTS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
