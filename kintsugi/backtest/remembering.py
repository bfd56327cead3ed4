"""Learned recipes on the past: each incident that was seen to fail teaches one, and every later one is asked whether an earlier one heals it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kintsugi.backtest.model import Answer, Failure
from kintsugi.backtest.scene import Scene
from mcp_servers.knowledge.recipes.binding import Tree, heal
from mcp_servers.knowledge.recipes.learning import story_of, unfit
from mcp_servers.knowledge.recipes.model import Recipe, Story
from mcp_servers.knowledge.recipes.proving import chosen, failure_of, learned, makes


@dataclass
class Memory:
    """The recipes that fixes up to now have taught."""

    recipes: list[Recipe] = field(default_factory=list[Recipe])

    def proposed(self, scene: Scene, failure: Failure) -> Answer:
        """Whether a recipe learned from an earlier fix makes the change that was made."""
        story = _story(scene, failure)
        if story is None or not self.recipes:
            return Answer(False, "no recipe was learned before")
        told, tree = failure_of(story), Tree(scene.files, scene.text)
        made = [(one, healed) for one in self.recipes for form in one.usable for healed in heal(form, one.exception, told, tree)[:1]]
        if not made:
            return Answer(False, "no recipe fits")
        rank = next((number for number, (_, healed) in enumerate(made, start=1) if makes(healed, story)), 0)
        return Answer(bool(rank), "the same change" if rank else "another change", rank, {"recipe": made[max(rank, 1) - 1][0].id})

    def learn(self, scene: Scene, failure: Failure) -> Recipe | None:
        """Keeps what the fix teaches; None when it teaches no form that may be used."""
        story = _story(scene, failure)
        if story is None:
            return None
        forms, exception = learned(story), failure_of(story).exception
        level, reason = chosen(forms, exception, story, [one.story for one in self.recipes])
        commit = scene.incident.commit.id
        recipe = Recipe(f"recipe_{commit[:12]}", "", "", "", commit, scene.incident.commit.subject, exception, forms, story, level, reason)
        if level:
            self.recipes.append(recipe)
        return recipe if level else None


def _story(scene: Scene, failure: Failure) -> Story | None:
    changes = [{"path": path, "before": scene.before[path], "after": scene.after[path]} for path in scene.before]
    return None if unfit(changes) else story_of(changes, {"trace": failure.trace.as_json()}, scene.files)
