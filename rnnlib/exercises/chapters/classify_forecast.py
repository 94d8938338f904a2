"""Chapter 11: classifying and forecasting."""
