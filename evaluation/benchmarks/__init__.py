"""What this project measures about itself: ``make bench``."""
