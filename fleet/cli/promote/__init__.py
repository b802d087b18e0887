"""``fleethub promote``: what all clusters of one environment run healthily, put into the next one's file.

Contract: `judge`, `plan` and `message` are pure; `landing` brings the commit to the remote, `forges` make the pull request of
it. What was not seen to run is never written.
"""
