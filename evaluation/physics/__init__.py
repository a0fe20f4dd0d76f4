"""Contacts, wrenches and slip."""

GRAVITY = 9.8  # m/s2, as in the simulator of ObMan; equally the weight in newtons of the nominal mass of 1 kg
DIRECTIONS = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))  # of gravity, in this order
TIME_STEP, STEPS = 1.0 / 240.0, 35  # seconds; of the published displacement under gravity
