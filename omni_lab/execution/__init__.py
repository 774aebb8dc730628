"""Execution: today the order book, a door to the native matching engine."""

from omni_lab._native import OrderBook

__all__ = ["OrderBook"]
