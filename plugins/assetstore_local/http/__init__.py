"""The web application that serves the signed URLs of a folder."""
