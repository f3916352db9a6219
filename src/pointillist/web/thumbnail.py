"""Small pictures of what every image was taken for, to look through."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pointillist.core.errors import InputError
from pointillist.data.draw import draw_image, draw_overlay
from pointillist.data.resample import resized, wanted_size
from pointillist.web.live import Live
from pointillist.web.project import Project

SIDE = 240


def draw_thumbnail(project: Project, live: Live, name: str) -> bytes:
    """Draw an image, its longer side at most 240 pixels, under its segmentation where there is one; WebP.

    Raises:
        InputError: the image can't be read.
    """
    image = project.pictures.sample(name).image
    height, width = wanted_size(image.shape[1], image.shape[2], SIDE)
    small = resized(image, height, width)
    try:
        found = live.found.get(name) or live.renew(name)
    except InputError:  # A mark that can't be: the image itself can be looked at.
        found = None
    if found is None:
        picture = draw_image(small)
    else:
        labels = Image.fromarray(found.labels).resize((width, height), Image.Resampling.NEAREST)
        picture = draw_overlay(small, np.array(labels), project.data.colours)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="webp", quality=80, method=2)
    return buffer.getvalue()
