"""The wire: JSON, TensorProtos, tf.Examples and text files to arrays and settings, and back."""
