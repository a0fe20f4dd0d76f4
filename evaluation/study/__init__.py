"""A blinded user study of grasps. How to run one: docs/user_study.md.

`sources` reads the methods, `draw` draws the questions, `page` writes the page, `answers` reads the answers and
`tally` counts them.
"""
