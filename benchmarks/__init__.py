"""Speed, as ratios against a reference in the same run, and costs per photo: `python -m benchmarks`."""
