"""Grasp sets and grasp files to look through: in the browser (viser), as one HTML page, and on sheets of pictures."""
