"""Files as values: YAML and JSON read as kubectl reads them, but strictly, and written to read the same.

Contract: purely computational, no I/O. A file is bytes; what comes out are trees of ``dict``, ``list``,
``str``, ``int``, ``float``, ``bool`` and None in which no object occurs twice, so a holder may change what it
was given.

- ``read.read``: all documents of a manifest file; one that does not read is a fault and hides no other.
- ``read.value``: one document of any type, such as a kubeconfig.
- ``write.yaml``: YAML text that ``read`` reads back as the same value.

The YAML is that of ``sigs.k8s.io/yaml``, which kubectl and the API server use (YAML 1.1 with Go's numbers),
and not PyYAML's, which makes ``22:22`` a number and dates objects. Where kubectl is silent about a mistake (a
key twice, text after ``...``, a merge that overrides, a tag), this room refuses. Limits guard every step:
bytes, documents, nodes (an alias counts as all that it stands for), depth.

Errors name file, document and line, and never quote the text: it may be a Secret.
"""
