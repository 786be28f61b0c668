"""The template that published face embedders align to; apart, as training needs it without C."""

ARCFACE_TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""Image-left eye, image-right eye, nose, mouth corners left and right, in 112x112 pixels."""
