"""Contacts, wrenches and slip."""

GRAVITY = 9.8  # m/s2, as in the simulator of ObMan; equally the weight in newtons of the nominal mass of 1 kg
