"""Pointillist: train image segmentation models from weak annotations."""
