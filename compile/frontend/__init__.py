"""ONNX files in QDQ form to the int8 graph."""
