"""Backtest before trust: what the loop would have detected, blamed, placed, proposed and prevented in the user's own past."""
