"""Tests of the template: its questions, its renderings and the services that come out of it."""
