"""Kustomize: kustomizations rendered by the real program, its inputs known beforehand.

Contract: `renderer.Kustomization` is the one renderer. `graph` finds every file that the program will read, by
reading the kustomizations alone; `references` knows which of their fields name files (Kustomize 5.8,
``api/types/kustomization.go``), `remote` what the program would fetch itself, `options` what an Application adds.
Nothing remote is ever left for the program: it has no network.
"""
