"""Measures grasps: metrics, protocols, formats of other projects, benchmark, report, user study."""
