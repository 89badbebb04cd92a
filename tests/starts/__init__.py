"""What Python reads first in each process."""
