"""How services are: their errors and latencies now, over time, after a deployment, and together."""
