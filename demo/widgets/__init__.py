"""Parts of the page that gradio does not have: their markup and scripts lie beside the modules."""
