"""Films, each with a file and a poster."""
