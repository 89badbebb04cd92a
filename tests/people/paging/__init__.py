"""Who is reached, and how."""
