"""What applies to every request: errors, limits, cross-site checks, headers, pagination, OpenAPI."""
