"""What the service costs beside others, and how it is measured; `make bench` runs it, README.md says how to read it."""
