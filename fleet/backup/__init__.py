"""What a hub is made anew from: which of its objects count, and the one encrypted file that holds them.

Contract: no request. ``content`` is pure; ``age`` turns bytes into bytes, in memory. No error quotes what is held.
"""
