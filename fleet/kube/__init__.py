"""Bytes to and from any API server: one door, told nothing of Applications.

Contract: every request of the hub, the workers and the command line goes through ``client.Client`` (verb,
path, body, timeout, lane), so that one wrapper can count, delay or cut all of them. ``Client.send`` answers
with bytes or raises: an ApiError is what the server decided; Unreachable means that nothing was sent, or
that a read went unanswered; Unanswered means that a write left and its answer was not read, so that the
object is unknown; NotPermitted that this process may not write there now. A cancelled write raises
CancelledError and leaves the object just as unknown. No text of a server or a library is passed on: both
may quote what was sent. Answers are read by ``decode``, which drops kubectl's last-applied configuration.

Nothing here logs, retries a write or keeps an object. Time comes from the Clock, except for the timeouts of
single requests, which are the transport's.
"""
