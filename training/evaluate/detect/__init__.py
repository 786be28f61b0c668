"""How well a detector finds faces: recall, average precision and the error of its landmarks."""
