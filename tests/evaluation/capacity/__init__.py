"""Tests of the model of capacity: what is known of queues by formula, it finds as well."""
