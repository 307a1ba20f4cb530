"""Tests that need Debian packages: a browser."""
