"""The measurements of this project: ``make bench``."""
