"""Direct uploads: senders put the bytes straight to the backend, by requests that the store signs."""
