"""What a run of work really did, told from artifacts, git and tickets alone; whatever else answers is asked, and nothing is needed."""
