"""Calls about many assets: their threads, how many of them, and what each item becomes."""
