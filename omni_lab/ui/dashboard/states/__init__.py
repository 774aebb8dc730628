"""What pages know and do, without a screen: each can be tried with no browser."""
