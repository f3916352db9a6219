"""Training: runs, recipes, the loop, who writes the target, and which weights are kept."""
