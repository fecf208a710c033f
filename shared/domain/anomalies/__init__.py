"""What is unusual: detectors that learn as they go, what they keep, and what is told of them."""
