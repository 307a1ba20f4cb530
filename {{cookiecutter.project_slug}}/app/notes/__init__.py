"""An example to copy: rows that belong to users. `make remove-example` takes it away."""
