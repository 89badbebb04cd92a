"""What the API has, one file for each page of the board; ``ALL`` of ``operations`` lists them."""
