"""From files to samples: decoding, pairing, splits, checks, augmentation, and what is painted."""
