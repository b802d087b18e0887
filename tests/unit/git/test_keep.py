"""Private refs on recorded revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.git.keep import Named, keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.git.mirror import Mirror
    from tests.stage.gitrepo import GitRepo


async def test_exactly_the_named_revisions_are_held(repo: GitRepo, mirrored: Callable[[], Mirror]) -> None:
    first, second, third = (repo.commit({"a": str(number)}) for number in range(3))
    mirror = mirrored()
    assert await keep(mirror, Named(frozenset({first, second}))) == {first, second}
    assert await keep(mirror, Named(frozenset({second, third, "1" * 40, "main; rm"}))) == {second, third}
    names = {name.name for name in (mirror._folder / "refs" / "fleethub" / "keep").iterdir()}
    assert names == {second, third}
    # Somebody has not said yet what it records: nothing is let go of, what others record comes beside it.
    assert await keep(mirror, Named(frozenset({first}), whole=False)) == {first, second, third}
    assert await keep(mirror, Named(frozenset())) == frozenset()
    await mirror.close()


async def test_a_held_revision_survives_the_end_of_its_branch_and_gits_cleaning(
    repo: GitRepo, mirrored: Callable[[], Mirror]
) -> None:
    held = repo.commit({"a": "1"}, "gone")
    lost = repo.commit({"a": "2"}, "lost")
    repo.commit({"a": "3"})
    mirror = mirrored()
    await keep(mirror, Named(frozenset({held})))
    for branch in ("gone", "lost"):
        mirror._git.run(["update-ref", "-d", f"refs/heads/{branch}"], folder=mirror._folder)
    mirror._git.run(["gc", "--quiet", "--prune=now"], folder=mirror._folder)
    mirror._commits.clear()
    assert mirror.known(held)
    assert mirror.tree(held).read("a") == b"1"
    assert not mirror.known(lost)
    await mirror.close()
