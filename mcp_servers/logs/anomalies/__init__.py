"""What is wrong in a window of log records: `finding` asks every detector, `anomaly` holds the nouns, one module for each detector."""
