"""The demo: scores digits with onnxruntime in an app, on the command line and over HTTP. No torch."""
