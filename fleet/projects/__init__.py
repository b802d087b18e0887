"""The walls between teams: what a Project lets its Applications do.

Contract: pure functions from the Project (and an object's name) to a verdict or a value of ``fleet.model``; the
default object that an installation applies. A Project is read in this release; of its rules only those of
``hub_kinds``, which hold for every Project, are enforced.
"""
