"""Migrations that one run cannot do: planned as shards, done by any number of processes, verified, reported."""
