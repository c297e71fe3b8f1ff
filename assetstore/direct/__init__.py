"""Direct uploads: a sender puts the bytes straight to the backend, by requests that the store signs."""
