"""A blinded user study of grasps: read the methods (`sources`), draw the questions (`draw`), write the page that
people answer (`page`), read their answers (`answers`) and count them (`tally`). How to run one: docs/user_study.md.
"""
