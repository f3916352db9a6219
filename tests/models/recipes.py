"""The recipes that the laws are tested on."""

import pytest

from pointillist.models import MODELS, EncoderDecoder, Model, PretrainedUnet, TimmUnet, Unet
from pointillist.models.timm_encoder import available

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
# Strides 2 to 32 by timm's three ways to give maps, and 4 to 32.
TIMM = ("resnet18", "tf_efficientnet_lite0", "mobilenetv3_small_100", "convnext_atto")
SMALL += [TimmUnet(encoder=one, widths=(16, 12, 8, 8, 8), pretrained=False) for one in TIMM]
LARGER = PretrainedUnet(encoder="efficientnet-lite2", pretrained=False)
EVERY: list[Model] = [*(cls() for cls in MODELS.values()), LARGER, *SMALL]
SIZES = [(1, 1), (1, 50), (50, 1), (2, 3), (16, 16), (33, 64), (97, 131)]


def name(value: object) -> str:
    return value.to_json() if isinstance(value, Model) else str(value)


needs_timm = pytest.mark.skipif(not available(), reason="needs pip install 'pointillist[timm]'")


def cases(models: list[Model]) -> pytest.MarkDecorator:
    """Test all that can be built here: an encoder of timm's only where there is timm."""
    marked = [pytest.param(m, marks=needs_timm if isinstance(m, TimmUnet) else ()) for m in models]
    return pytest.mark.parametrize("model", marked, ids=name)


every_model = cases(EVERY)
every_small_model = cases(SMALL)
every_size = pytest.mark.parametrize("size", SIZES, ids=name)
