"""The published method of Wu et al., to be read beside the paper."""
