"""From a checkpoint to published .onnx files: convert, compare with PyTorch, publish all or nothing."""
