"""Grasps made without captured data: objects, optimisation, verification, and the pipeline that joins them."""
