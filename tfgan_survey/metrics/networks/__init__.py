"""Networks whose modules need TensorFlow at once; the metrics that use them import them late."""
