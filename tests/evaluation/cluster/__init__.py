"""Tests of the cluster on one machine, and its soak in a short form."""
