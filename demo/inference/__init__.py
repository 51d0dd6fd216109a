"""Models on onnxruntime: load, verify, preprocess and score."""
