"""A source and the files of a commit, made into the objects that Git asks for.

Contract: knows no cluster and no Application; the same inputs render to the same bytes. ``render.render`` is
the one verb: it collects the inputs (trees only), looks the key of their content up in the cache, and builds
what it does not find, in one hop to a thread. A document that does not read or is no manifest is a fault of
the render, which names it; the other documents render all the same. Namespaces and scope are left as written:
they depend on the cluster, and the cache is shared by all.

How files become manifests is a `Renderer`, one a module, in the table of `renderer`.
"""
