"""How the studio looks, as far as Gradio's own widgets go; the rest stands in ``static/studio.css``. No font is fetched."""

from __future__ import annotations

from typing import Final

import gradio as gr
from gradio.themes.utils import colors, sizes

HEAD: Final = (
    '<link rel="stylesheet" href="/studio/static/studio.css">\n<script src="/studio/static/studio.js" defer></script>'
)

_SEA: Final = colors.Color(
    name="sea",
    c50="#eef5f8",
    c100="#d6e7ee",
    c200="#b3d2df",
    c300="#84b5ca",
    c400="#5596b2",
    c500="#2c6e8f",
    c600="#245d7a",
    c700="#1f4e66",
    c800="#1b4054",
    c900="#173544",
    c950="#0d212c",
)
_SLATE: Final = colors.Color(
    name="slate",
    c50="#f7f8f9",
    c100="#eef0f2",
    c200="#dde2e6",
    c300="#c2cad1",
    c400="#929da8",
    c500="#65717d",
    c600="#4b5661",
    c700="#343d46",
    c800="#232a31",
    c900="#191f24",
    c950="#12161a",
)
_FONT: Final = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO: Final = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")


def studio_theme() -> gr.themes.Base:
    """Theme of the page: paper and sea by day, slate by night."""
    theme = gr.themes.Base(
        primary_hue=_SEA,
        secondary_hue=_SEA,
        neutral_hue=_SLATE,
        radius_size=sizes.radius_md,
        text_size=sizes.text_md,
        font=_FONT,
        font_mono=_MONO,
    )
    return theme.set(
        body_background_fill="#f4f5f4",
        body_background_fill_dark="#12161a",
        body_text_color="#22292f",
        body_text_color_dark="#e3e8ec",
        body_text_color_subdued="#55616c",
        body_text_color_subdued_dark="#9fabb6",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1a2026",
        background_fill_secondary="#f7f8f7",
        background_fill_secondary_dark="#161b20",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_label_text_color="*body_text_color",
        block_title_text_color="*body_text_color",
        block_title_text_weight="500",
        block_info_text_color="*body_text_color_subdued",
        block_padding="0px",
        block_shadow="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#12161a",
        input_border_color="#c2cad1",
        input_border_color_dark="#3b4650",
        button_primary_background_fill="#c04f22",
        button_primary_background_fill_hover="#a8431b",
        button_primary_background_fill_dark="#c04f22",
        button_primary_background_fill_hover_dark="#d9653b",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#e9ecee",
        button_secondary_background_fill_hover="#dde2e6",
        button_secondary_background_fill_dark="#2a323a",
        button_secondary_background_fill_hover_dark="#343d46",
        button_secondary_text_color="#22292f",
        button_secondary_text_color_dark="#e3e8ec",
        slider_color="*primary_500",
        slider_color_dark="*primary_300",
    )
