"""Chapter 4: backpropagation through time."""
