"""Recipes of networks from images to logits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Table
from pointillist.models.encoder_decoder import EncoderDecoder
from pointillist.models.model import LayerSize, Model
from pointillist.models.pretrained_unet import PretrainedUnet
from pointillist.models.timm_unet import TimmUnet
from pointillist.models.unet import Unet

AnyModel = Annotated[EncoderDecoder | PretrainedUnet | TimmUnet | Unet, Field(discriminator="kind")]
MODELS: Table[Model] = Table("model", AnyModel, Model)

__all__ = ["MODELS", "AnyModel", "EncoderDecoder", "LayerSize", "Model", "PretrainedUnet", "TimmUnet", "Unet"]
