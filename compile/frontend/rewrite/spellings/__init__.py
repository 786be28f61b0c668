"""Other spellings of a quantised operator: QOperator form and onnxruntime's own domain."""
