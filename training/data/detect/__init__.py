"""Pictures with faces, their boxes and landmarks, and views of them for training a detector."""

from .faces import Faces, Labels, read
from .views import Views

__all__ = ["Faces", "Labels", "Views", "read"]
