"""What the service is compared with: minimal applications of our own, each in one file."""
