"""A small client of the S3 API over the standard library: requests, connections, and what is certain when they break."""
