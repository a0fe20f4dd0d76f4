"""A second ROS participant for the tests, and the real node in a process of its own."""

import os

import pytest


class Peer:
    """A ROS node in the test's process that talks to the node under test."""

    def __init__(self, domain_id: int):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.node import Node

        from fastgrasp_ros.resources import use_fast_dds_profile

        use_fast_dds_profile()  # the sender's shared-memory segment is the one that counts
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.node = Node("peer", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

    def wait(self, condition, seconds: float = 20.0) -> bool:
        """Spin until `condition` holds."""
        from fastgrasp_ros.processes import wait_until

        return wait_until(condition, seconds, lambda: self._executor.spin_once(0.02))

    def listen(self, kind, topic: str, qos) -> list:
        """The list into which the messages of a topic come."""
        received = []
        self.node.create_subscription(kind, topic, received.append, qos)
        return received

    def call(self, kind, name: str, request, seconds: float = 30.0):
        """The answer of a service; fails the test if none comes."""
        client = self.node.create_client(kind, name)
        assert self.wait(client.service_is_ready, seconds), f"service {name} did not appear"
        future = client.call_async(request)
        assert self.wait(future.done, seconds), f"service {name} did not answer"
        self.node.destroy_client(client)
        return future.result()

    def close(self):
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture(scope="module")
def peer(domain_id):
    """The test's own ROS node."""
    peer = Peer(domain_id)
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def start_node(domain_id, weights_folder):
    """Starts the real node in its own process: start_node(name=value, ...) with parameters; ended after the module."""
    from fastgrasp_ros.processes import ChildProcess

    children = []

    def start(**parameters) -> ChildProcess:
        parameters = {"weights": weights_folder, **parameters}
        settings = [word for name, value in parameters.items() for word in _setting(name, value)]
        environment = dict(os.environ, ROS_DOMAIN_ID=str(domain_id), OMP_NUM_THREADS="1")
        children.append(ChildProcess("node", "fastgrasp_ros.node", ["--ros-args", *settings], environment))
        return children[-1]

    yield start
    for child in children:
        child.stop()


def _setting(name: str, value) -> tuple[str, str]:
    """A parameter as an argument of the process; "__ns" is the node's namespace."""
    return ("-r" if name.startswith("__") else "-p", f"{name}:={value}")
