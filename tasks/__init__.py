"""The queue and the clock: each task takes an id, calls one service and returns nothing."""
