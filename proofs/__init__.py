"""Proofs about what the template generates. They are copied into a generated service and run there."""
