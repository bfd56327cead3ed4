"""The tool of learned recipes: what healed this failure before, bound to the code that fails now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Protocol

from anyio.to_thread import run_sync
from pydantic import Field
from typing_extensions import TypedDict

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.recipes.binding import Tree, heal, with_settings
from mcp_servers.knowledge.recipes.configured import values
from mcp_servers.knowledge.recipes.differing import difference
from mcp_servers.knowledge.recipes.failures import Failed, failed, shape_of
from mcp_servers.knowledge.recipes.learning import Changes, learn, seen, unfit
from mcp_servers.knowledge.recipes.model import PREFIX, Healed, Level, Recipe, recipe_id
from mcp_servers.knowledge.recipes.proving import failure_of
from mcp_servers.knowledge.recipes.reach import corpora
from mcp_servers.knowledge.recipes.reproducing import reproduction
from mcp_servers.knowledge.recipes.store import RecipeStore
from mcp_servers.knowledge.recipes.tokens import language_of

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

ROOM, MOST = DEFAULT_BUDGET - 500, 3


class Taught(Protocol):
    """What a lesson says of itself; `recipe` names what made its fix, where that was one."""

    @property
    def id(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def repository(self) -> str: ...
    @property
    def fix(self) -> str: ...
    @property
    def cause(self) -> str: ...
    @property
    def recipe(self) -> str: ...


Teach = Callable[[Taught, Changes, str], str]
"""Makes a recipe of a lesson, the changes of its fix and the fix's id; says what came of it, in a sentence."""


Speaks = Callable[[str], bool]
"""Whether the lesson of this id may say what is known: it was verified, and neither contradictions nor age silenced it."""


class Matched(TypedDict):
    recipe: str
    lesson_id: str
    level: str
    why: str
    title: str
    cause: str
    file: str
    line: int
    function: str
    edits: list[dict[str, Any]]
    test: NotRequired[dict[str, str]]


class RecipesMatched(TypedDict):
    returned: int
    total: int
    omitted: int
    recipes: list[Matched]
    note: NotRequired[str]


def register(tools: Toolbox, deps: Deps, speaks: Speaks) -> None:
    """Mounts the tool of recipes; one whose lesson does not speak (any longer) is silent with it."""
    store = RecipeStore(deps.database)

    @tools.read(title="Match recipes")
    async def match_recipes(case_id: Annotated[str, Field(max_length=60)]) -> RecipesMatched:
        """Learned recipes that fit a case: edits and test for propose_fix."""
        found, note = await run_sync(_matched, store, deps, speaks, case_id)
        shown, omitted = fit(found[:MOST], ROOM)
        answer = RecipesMatched(returned=len(shown), total=len(found), omitted=omitted + len(found) - len(found[:MOST]), recipes=shown)
        return answer if shown else {**answer, "note": note}


def teacher(deps: Deps) -> Teach:
    """What makes a recipe of each verified lesson; a lesson whose fix teaches none is still a lesson."""
    store = RecipeStore(deps.database)

    def teach(lesson: Taught, changes: Changes, fix_id: str) -> str:
        if lesson.recipe.startswith(PREFIX):
            return f"No recipe: {lesson.recipe} made this fix."
        try:
            why = unfit(changes) if changes else "no changes were given"
            if not why and not _was_seen(deps, changes, fix_id):
                why = "the repository does not show these changes"
            if why:
                return f"No recipe: {why}."
            about = Recipe(recipe_id(lesson.id), lesson.id, lesson.case, lesson.repository, lesson.fix, lesson.cause)
            made = _made(deps, store, about, changes)
        except (KintsugiError, RecursionError) as error:
            return f"No recipe: {error}"
        why = f" ({made.reason})" if made.reason else ""
        return f"{made.id} is active as {made.active}{why}." if made.active else f"{made.id} is kept and not used{why}."

    return teach


def _matched(store: RecipeStore, deps: Deps, speaks: Speaks, case: str) -> tuple[list[Matched], str]:
    project = deps.watched()
    repository = Repository.at(project.root)
    commit = repository.head(f"refs/heads/{project.branch}")
    tree = Tree(repository.files(commit), _reader(repository, commit))
    evidence = deps.gate.evidence(case)
    failure = failed(evidence, tree.files)
    known = store.of(failure.exception, active=True)
    found = [(recipe, healed) for recipe, healed in _healed(known, deps, case, evidence, failure, tree) if speaks(recipe.lesson)]
    answers = [_answer(recipe, healed, failure, tree, evidence) for recipe, healed in found]
    shown = [answer for answer in answers if clean(answer["edits"]) == answer["edits"]]
    if hidden := [answer["recipe"] for answer in answers if answer not in shown]:
        return (
            shown,
            f"{hidden[0]} fits, but what it changes looks like a credential, which no answer may hold; a person can make this fix.",
        )
    named = failure.exception or "failures without a trace"
    note = f"{len(known)} recipes were learned for {named}; none fits this failure and this code."
    return shown, note


def _healed(
    known: Sequence[Recipe], deps: Deps, case: str, evidence: Mapping[str, Any], failure: Failed, tree: Tree
) -> list[tuple[Recipe, Healed]]:
    """What each recipe makes of the tree, the most literal first, without those that failed on this shape or have lost their leave."""
    found: list[tuple[Recipe, Healed]] = []
    shape = shape_of(evidence)
    for recipe in known:
        ways = (heal(form, recipe.exception, failure, tree) for form in recipe.usable)
        healed = next((way for way in ways if way), None)
        if healed and not _spoiled(deps, recipe, case, shape):
            found += [(recipe, one) for one in healed]
    order = list(Level)
    unique = {repr((sorted(one.files.items()), one.settings)): (recipe, one) for recipe, one in reversed(found)}
    return sorted(unique.values(), key=lambda pair: order.index(pair[1].form.level))


def _spoiled(deps: Deps, recipe: Recipe, case: str, shape: str) -> bool:
    standing = deps.gate.standing(recipe.id, case)
    return standing.level != "propose" or any(shape_of(evidence) == shape for evidence in standing.failed)


def _answer(recipe: Recipe, healed: Healed, failure: Failed, tree: Tree, evidence: Mapping[str, Any]) -> Matched:
    edits = _edits(healed, tree)
    answer = Matched(
        recipe=recipe.id,
        lesson_id=recipe.lesson,
        level=str(healed.form.level),
        why=f"healed like {recipe.lesson}, {recipe.case}, in {recipe.repository}",
        title=recipe.fix,
        cause=recipe.cause,
        file=healed.path,
        line=healed.line,
        function=healed.function,
        edits=edits,
    )
    test = reproduction(recipe.story, failure_of(recipe.story), healed, failure, tree, _mark(evidence))
    return {**answer, "test": test} if test else answer


def _edits(healed: Healed, tree: Tree) -> list[dict[str, Any]]:
    """What propose_fix is given: values that are there by their key, and everything else as diffs."""
    missing = [one for one in healed.settings if one[1] not in values(one[0], tree.read(one[0]))]
    files = {**healed.files, **(with_settings(tree, missing) or {})}
    edits: list[dict[str, Any]] = [
        {"kind": "diff", "diff": difference(path, tree.read(path), text)} for path, text in sorted(files.items())
    ]
    changed = [one for one in healed.settings if one not in missing]
    return edits + [{"kind": "config", "path": path, "key": key, "value": value} for path, key, value in changed]


def _mark(evidence: Mapping[str, Any]) -> str:
    fingerprint: Mapping[str, Any] = evidence.get("fingerprint") or {}
    coarse = re.sub(r"[^0-9a-f]", "", str(fingerprint.get("coarse", "")))
    return coarse[:8] or "case"


def _was_seen(deps: Deps, changes: Changes, fix_id: str) -> bool:
    project = deps.watched()
    return seen(Repository.at(project.root), fix_id, project.branch, changes)


def _made(deps: Deps, store: RecipeStore, about: Recipe, changes: Changes) -> Recipe:
    project = deps.watched()
    repository = Repository.at(project.root)
    head = repository.head(f"refs/heads/{project.branch}")
    paths = [change["path"] for change in changes]
    language = next((language for path in paths if (language := language_of(path))), "")
    code = corpora(repository, head, paths, language)
    return learn(store, about, changes, deps.gate.evidence(about.case), repository.files(head), deps.clock(), code)


def _reader(repository: Repository, commit: str) -> Callable[[str], str]:
    known: dict[str, str] = {}

    def read(path: str) -> str:
        if path not in known:
            known[path] = repository.read(commit, path).decode("utf-8", "replace")
        return known[path]

    return read
