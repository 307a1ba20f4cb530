"""What every request passes: errors, limits, cross-site checks, headers, pages, OpenAPI."""
