"""Go templates over secrets: the part of ``text/template`` and Sprig that people use in Secrets, and no more.

Contract: purely computational, no I/O. It runs in the process that holds all secrets, over templates of people who
may not read them. So nothing but the values can be reached; functions are an allow-list; steps, work, output and depth
are bounded before the work is done (``limits``); errors never hold content (``errors``).

- ``Rendering``: the templates of one Secret over a map of values, each as bytes; ``render``: one alone.
- ``lex``, ``literals``, ``parse``: text to ``syntax``. ``run``: that over ``values``. ``functions``: one table.

Meant for ``spec.template.data`` of a SealedSecret and ``target.template`` (engine v2) of an ExternalSecret. Different from
both by choice: a missing key and a nil are errors, never ``<no value>``; so is what Sprig hides (text that is
no base64 or JSON) and what Go writes as ``%!d(string=...)``; maps have an order; named templates, methods, complex
numbers, and functions that are random, read a clock or the hub, or change a value in place are refused.
"""

from fleet.secrets.template.errors import TemplateFailed, TemplateRefused
from fleet.secrets.template.render import Rendering, render

__all__ = ["Rendering", "TemplateFailed", "TemplateRefused", "render"]
