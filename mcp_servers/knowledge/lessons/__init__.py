"""What cases taught, and how far each may be trusted."""

from mcp_servers.knowledge.lessons.model import EARNED_TRUST, Lesson, lesson_id
from mcp_servers.knowledge.lessons.store import LessonStore
from mcp_servers.knowledge.lessons.tools import register
from mcp_servers.knowledge.lessons.trust import speaks, trust_now, trusted

__all__ = ["EARNED_TRUST", "Lesson", "LessonStore", "lesson_id", "register", "speaks", "trust_now", "trusted"]
