"""Floor 1: rotations, point clouds, meshes and signed distances. Knows nothing about hands."""
