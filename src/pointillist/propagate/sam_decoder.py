"""SAM's prompt encoder and mask decoder: clicks, a box and an earlier mask to masks of one object."""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from pointillist.propagate.sam_encoder import EMBEDDING, SIDE, ChannelNorm, Maps, TinyVit

GRID = SIDE // 16
"""Side of the embedding."""
MASK_SIDE = 4 * GRID
"""Side of the masks that come out, and of the one that may go in."""
MASKS = 4
"""Masks for one prompt: the one for clear prompts first, then the whole, the part and the subpart."""
PAD, NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT = -1, 0, 1, 2, 3
"""What a place of a prompt is."""

Places: TypeAlias = Float[Tensor, "p 2"]
"""(x, y) in pixels of the encoder's image: SAM's order, which stays within these files."""
Kinds: TypeAlias = Int64[Tensor, " p"]
Tokens: TypeAlias = Float[Tensor, "n _ width"]
Masks: TypeAlias = Float[Tensor, "m side side"]
Scores: TypeAlias = Float[Tensor, " m"]
Found: TypeAlias = tuple[Masks, Scores]


class MobileSam(nn.Module):
    """The whole network under the names of the published weights, but for the classifier's.

    Source: A. Kirillov et al., Segment anything, ICCV 2023, appendix A; C. Zhang et al., Faster segment
    anything (MobileSAM), 2023. Written from the papers and the shapes of the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.image_encoder = TinyVit()
        self.prompt_encoder = PromptEncoder()
        self.mask_decoder = MaskDecoder()

    def encode(self, images: Maps) -> Maps:
        """Embed standardised images of `SIDE` x `SIDE`."""
        embedding: Maps = self.image_encoder(images)
        return embedding

    def decode(self, embedding: Maps, places: Places, kinds: Kinds, mask: Maps | None) -> Found:
        """Give the logits of the masks of one prompt, and the IoU that the network expects of each."""
        prompt = self.prompt_encoder(places, kinds)
        hint = self.prompt_encoder.hint(mask)
        found: Found = self.mask_decoder(embedding + hint, self.prompt_encoder.grid(), prompt[None])
        return found


class Fourier(nn.Module):
    """Random Fourier features of places in the unit square."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, EMBEDDING // 2))

    def forward(self, places: Float[Tensor, "*b 2"]) -> Float[Tensor, "*b width"]:
        """Encode."""
        phases = 2 * math.pi * ((2 * places - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([phases.sin(), phases.cos()], dim=-1)


class PromptEncoder(nn.Module):
    """Clicks and a box as tokens, an earlier mask as a map to be added to the image's embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.pe_layer = Fourier()
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, EMBEDDING) for _ in range(BOTTOM_RIGHT + 1))
        self.not_a_point_embed = nn.Embedding(1, EMBEDDING)
        self.no_mask_embed = nn.Embedding(1, EMBEDDING)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, stride=2),
            ChannelNorm(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, stride=2),
            ChannelNorm(16),
            nn.GELU(),
            nn.Conv2d(16, EMBEDDING, 1),
        )

    def forward(self, places: Places, kinds: Kinds) -> Float[Tensor, "p width"]:
        """Encode where each place is, and what."""
        where = self.pe_layer((places + 0.5) / SIDE)
        # A place that only pads has no position: its row of the table, the last, is all there is to it.
        what = torch.cat([*self.point_embeddings.parameters(), self.not_a_point_embed.weight])
        encoded: Tensor = where * (kinds != PAD)[:, None] + what[kinds]
        return encoded

    def hint(self, mask: Maps | None) -> Maps:
        """Encode an earlier mask's logits, or their absence."""
        encoded: Maps = (
            self.no_mask_embed.weight[..., None, None] if mask is None else self.mask_downscaling(mask)
        )
        return encoded

    def grid(self) -> Maps:
        """Encode the centres of the embedding's pixels."""
        centres = (torch.arange(GRID) + 0.5) / GRID
        xy = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1)
        encoded: Maps = self.pe_layer(xy).permute(2, 0, 1)[None]
        return encoded


class MaskDecoder(nn.Module):
    """Let tokens and image look at each other; then each mask is a token's filter of the enlarged image."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = TwoWay()
        self.iou_token = nn.Embedding(1, EMBEDDING)
        self.mask_tokens = nn.Embedding(MASKS, EMBEDDING)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(EMBEDDING, EMBEDDING // 4, 2, stride=2),
            ChannelNorm(EMBEDDING // 4),
            nn.GELU(),
            nn.ConvTranspose2d(EMBEDDING // 4, EMBEDDING // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(Layers(EMBEDDING // 8) for _ in range(MASKS))
        self.iou_prediction_head = Layers(MASKS)

    def forward(self, image: Maps, grid: Maps, prompt: Tokens) -> Found:
        """Decode."""
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])[None]
        tokens = torch.cat([own, prompt], dim=1)
        tokens, pixels = self.transformer(_rows(image), _rows(grid), tokens)
        enlarged = self.output_upscaling(pixels.transpose(1, 2).reshape(image.shape))[0]
        filters = [mlp(tokens[0, 1 + i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)]
        masks = torch.einsum("mc,chw->mhw", torch.stack(filters), enlarged)
        return masks, self.iou_prediction_head(tokens[0, 0])


class TwoWay(nn.Module):
    """Two layers of attention in both directions, and a last look of the tokens at the image."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayLayer(first=number == 0) for number in range(2))
        self.final_attn_token_to_image = Attention(EMBEDDING // 2)
        self.norm_final_attn = nn.LayerNorm(EMBEDDING)

    def forward(self, image: Tokens, grid: Tokens, prompt: Tokens) -> tuple[Tokens, Tokens]:
        """Give the tokens and the pixels that have looked at each other."""
        tokens, pixels = prompt, image
        for layer in self.layers:
            tokens, pixels = layer(tokens, pixels, prompt, grid)
        seen = self.final_attn_token_to_image(tokens + prompt, pixels + grid, pixels)
        return self.norm_final_attn(tokens + seen), pixels


class TwoWayLayer(nn.Module):
    """Tokens among themselves, tokens to the image, a perceptron, and the image to the tokens.

    Whatever is compared gets its position (the prompt's own tokens, the grid's code) added anew; the first
    layer's tokens are that position still, so there nothing is added, nor kept beside what is seen.
    """

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(EMBEDDING)
        self.cross_attn_token_to_image = Attention(EMBEDDING // 2)
        self.cross_attn_image_to_token = Attention(EMBEDDING // 2)
        self.mlp = TokenPerceptron()
        self.norm1, self.norm2 = nn.LayerNorm(EMBEDDING), nn.LayerNorm(EMBEDDING)
        self.norm3, self.norm4 = nn.LayerNorm(EMBEDDING), nn.LayerNorm(EMBEDDING)

    def forward(self, tokens: Tokens, pixels: Tokens, prompt: Tokens, grid: Tokens) -> tuple[Tokens, Tokens]:
        """Look."""
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            tokens = tokens + self.self_attn(tokens + prompt, tokens + prompt, tokens)
        tokens = self.norm1(tokens)
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + prompt, pixels + grid, pixels))
        tokens = self.norm3(tokens + self.mlp(tokens))
        seen = self.cross_attn_image_to_token(pixels + grid, tokens + prompt, tokens)
        return tokens, self.norm4(pixels + seen)


class Attention(nn.Module):
    """Attention of eight heads, at a width of its own."""

    def __init__(self, width: int, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(EMBEDDING, width), nn.Linear(EMBEDDING, width)
        self.v_proj, self.out_proj = nn.Linear(EMBEDDING, width), nn.Linear(width, EMBEDDING)

    def forward(self, queries: Tokens, keys: Tokens, values: Tokens) -> Tokens:
        """Mix the values as the queries match the keys."""
        parts = (self.q_proj(queries), self.k_proj(keys), self.v_proj(values))
        per_head = [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts]
        mixed = F.scaled_dot_product_attention(*per_head)
        projected: Tokens = self.out_proj(mixed.transpose(1, 2).flatten(-2))
        return projected


class TokenPerceptron(nn.Module):
    """Two layers, token by token."""

    def __init__(self) -> None:
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(EMBEDDING, 8 * EMBEDDING), nn.Linear(8 * EMBEDDING, EMBEDDING)

    def forward(self, tokens: Tokens) -> Tokens:
        """Compute."""
        computed: Tokens = self.lin2(F.relu(self.lin1(tokens)))
        return computed


class Layers(nn.Module):
    """Three linear layers."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        widths = (EMBEDDING, EMBEDDING, EMBEDDING)
        self.layers = nn.ModuleList(map(nn.Linear, widths, (*widths[1:], outputs)))

    def forward(self, token: Float[Tensor, " width"]) -> Float[Tensor, " _"]:
        """Compute."""
        first, second, last = self.layers
        computed: Tensor = last(F.relu(second(F.relu(first(token)))))
        return computed


def _rows(maps: Maps) -> Tokens:
    """Give a map's pixels as a list of tokens."""
    return maps.flatten(2).transpose(1, 2)
