"""Puts stories in order: many votes lift one, age lets it sink."""

import math
import time

HALF_DAY = 12 * 3600


def score(votes, posted, *, gravity=1.5):
    """`posted` in seconds since 1970."""
    age = max(0.0, time.time() - posted)
    return math.log1p(votes) / math.pow(1 + age / 60, gravity) if age < HALF_DAY else votes / age


class Front:
    def __init__(self, stories, size=30):
        self.stories = stories
        self.size = size

    @property
    def ranked(self):
        return sorted(self.stories, key=self._rank, reverse=True)[: self.size]

    def _rank(self, story):
        return score(story["votes"], story["posted"], gravity=story.get("gravity", 1.5)), story["id"]
