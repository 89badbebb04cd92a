"""The post-incident review: an account, read for what people can learn from it."""
