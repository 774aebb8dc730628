"""The bus of one process: numbered streams that anyone may follow, as fast or as slowly as he reads.

A stream is a state and the changes of it. Publishing never waits for readers: a reader is a place in the
stream, and nothing is queued for him. Who falls further behind than the stream remembers, or wants to, is
given the state anew.
"""

from omni_lab.messaging.bus.bus import Bus
from omni_lab.messaging.bus.stream import Message, Stream, Subscription, difference, fold, merge_patch

__all__ = ["Bus", "Message", "Stream", "Subscription", "difference", "fold", "merge_patch"]
