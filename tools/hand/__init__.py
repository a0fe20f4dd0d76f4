"""Builds the open hand: a hand in MANO's conventions, from CC0 data alone.

Run it with `python -m tools.hand --out open_hand.npz`; docs/open_hand_provenance.md tells
where every number comes from. Nothing here is imported at run time: the package ships the built file.
"""
