"""Renderers as confined children: `confinement.Confinement` owns them, `launcher` starts them.

Contract: a program sees its own files, itself and nothing else: no environment of the hub's, no home, no network,
no other file where the system can forbid it. Time, processor, memory and output are bounded, whatever the system.
How strong the walls are is found out at the start by trying, and said in one word.
"""
