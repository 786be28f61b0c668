"""Does the quality of a face predict a wrong answer: the gate by class of what was spoilt."""
