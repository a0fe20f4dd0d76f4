"""Build the open hand, a hand in MANO's conventions, from CC0 data alone: `python -m tools.hand --out open_hand.npz`.

docs/open_hand_provenance.md tells where every number comes from. The library imports nothing from here: it ships the
built file.
"""
