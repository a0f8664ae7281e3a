"""One operation each: latents from seeds, labels as features, maxout."""
