"""The demonstration: onnxruntime scores digits in an app, on the command line and over HTTP. No torch."""
