"""The recipes that the laws are tested on."""

import pytest

from pointillist.models import MODELS, EncoderDecoder, Model, PretrainedUnet, Unet

SMALL: list[Model] = [
    cls(widths=widths, norm=norm)
    for cls in (EncoderDecoder, Unet)
    for widths, norm in (
        ((6, 8, 12), "batch"),
        ((6, 8, 12), "instance"),
        ((6, 8, 12), "group"),
        ((6, 8, 12), "none"),
        ((8,), "batch"),
    )
]
SMALL.append(PretrainedUnet(widths=(16, 12, 8, 8, 8), pretrained=False))
LARGER = PretrainedUnet(encoder="efficientnet-lite2", pretrained=False)
EVERY: list[Model] = [*(cls() for cls in MODELS.values()), LARGER, *SMALL]
SIZES = [(1, 1), (1, 50), (50, 1), (2, 3), (16, 16), (33, 64), (97, 131)]


def name(value: object) -> str:
    return value.to_json() if isinstance(value, Model) else str(value)


every_model = pytest.mark.parametrize("model", EVERY, ids=name)
every_size = pytest.mark.parametrize("size", SIZES, ids=name)
