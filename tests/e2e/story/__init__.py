"""Services that make the same mistake in words of their own, and run: what people read of each other's failures is made here for real."""
