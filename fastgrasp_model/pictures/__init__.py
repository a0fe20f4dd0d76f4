"""Pictures of grasps: an object and the hands that hold it, from sides that show both.

    render_grasps(grasps, mesh, "grasps.png")                   # the best four hands, each from two sides
    render_sheet([(grasps, 0, mesh, "mug"), ...], "sheet.png")  # many grasps of many objects
    hand_views(vertices, faces, mesh)                           # one hand of any topology, as arrays

Rays are cast by Embree (the package embreex): no window, no GPU, no system library. `scene.py` has what stands in a
picture, `shading.py` the light, `sheets.py` the layout.
"""

from fastgrasp_model.pictures.camera import PictureError
from fastgrasp_model.pictures.sheets import hand_views, render_grasps, render_sheet

__all__ = ["PictureError", "hand_views", "render_grasps", "render_sheet"]
