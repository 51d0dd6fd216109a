"""Components that Gradio lacks. Their markup and scripts are in files beside the modules."""
