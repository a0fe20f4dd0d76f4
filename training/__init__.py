"""Training, synthesis and benchmarks; installs as `fastgrasp_training`. README.md maps each file."""
