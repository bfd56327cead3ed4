"""What Kintsugi is measured by: each module tells some figures, `make bench` runs them all and prints one table."""
