"""Tests of the records of a small shop, which are kept in two files."""
