"""The web application that answers the signed URLs of a folder."""
