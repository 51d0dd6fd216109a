"""The colours and type of Gradio's components; the style sheets in `style/` do the rest."""

from pathlib import Path
from typing import Final

import gradio as gr

FOLDER: Final = Path(__file__).parent
STYLE_SHEETS: Final = (*sorted(FOLDER.glob("shared/*.css")), *sorted(FOLDER.glob("style/*.css")))
"""The sheets shared with the static page, then `base.css`, shared by all views, and one per view."""


def touchstone_theme() -> gr.themes.Base:
    """Return the theme: stone greys with a teal accent, light and dark, in fonts that Gradio bundles."""
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        text_size=gr.themes.sizes.text_lg,
        radius_size=gr.themes.sizes.radius_sm,
        # Gradio's bundled semibold lacks letters.
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace"],
    )
    # Text and background contrast at least 4.5:1 everywhere; Gradio's own orange button does not.
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_subdued="*neutral_600",
        background_fill_primary_dark="*neutral_900",
        border_color_primary="*neutral_300",
        color_accent="*primary_700",
        link_text_color="*primary_800",
        link_text_color_dark="*primary_300",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_padding="0px",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_800",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
        input_border_color="*neutral_500",
        input_border_color_dark="*neutral_500",
        input_border_width="1px",
        slider_color_dark="*primary_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_300",
        button_primary_background_fill_hover_dark="*primary_200",
        button_primary_text_color_dark="*neutral_950",
        button_large_text_weight="700",
    )
