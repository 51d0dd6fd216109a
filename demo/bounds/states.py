"""What is kept of each session between its calls: as long as its page is open, and as there is room for it.

Whoever calls without a page makes a session with each call: of those nothing is needed once it is answered.
"""

from typing import Final

import gradio as gr

from demo.api.gradio_inside import HeldState, forget_state, held_states, sessions_calling, states_held
from demo.bounds.listening import Listeners

SESSIONS_KEPT: Final = 2000
"""Whose state is kept at most, more than there can be open pages: about 5 kB each, beside what they hold."""

ITEMS_KEPT: Final = 40_000
"""What those hold together, in answers and generated digits: about 1.7 kB each."""

KEPT_WITHOUT_PAGE: Final = 30.0
"""Seconds after its last call for a session that has no page."""

KEPT_AFTER_PAGE: Final = 3600.0
"""Seconds after its last call for one whose page was closed: a phone closes those that are not looked at."""


class States:
    """The states of an app's sessions; in the event loop alone."""

    def __init__(
        self,
        app: gr.Blocks,
        listeners: Listeners,
        sessions: int = SESSIONS_KEPT,
        items: int = ITEMS_KEPT,
        without_page: float = KEPT_WITHOUT_PAGE,
    ) -> None:
        self._app = app
        self._listeners = listeners
        self._sessions = sessions
        self._items = items
        self._without_page = without_page

    @property
    def too_many(self) -> bool:
        """Whether there are more than are kept."""
        return states_held(self._app) > self._sessions

    def forget(self) -> None:
        """Drop those that nobody needs, and of the others as many as there is no room for.

        First those without a page, then those whose page was closed, and those of open pages last; of each
        kind those that have rested longest. None whose call waits or runs.
        """
        calling = sessions_calling(self._app)
        kept = []
        for state in held_states(self._app):
            if state.session not in calling and state.rested >= self._longest(state):
                forget_state(self._app, state.session)
            else:
                kept.append(state)
        # Room for a tenth, so that it is not to be made for each new one.
        spare = self._sessions // 10 if len(kept) > self._sessions else 0
        count, items = len(kept) + spare, sum(state.items for state in kept)
        for state in sorted(kept, key=self._worth):
            if count <= self._sessions and items <= self._items:
                return
            if state.session not in calling and (count > self._sessions or state.items):
                forget_state(self._app, state.session)
                count -= 1
                items -= state.items

    def _worth(self, state: HeldState) -> int:
        return 2 if self._listeners.pages[state.session] else int(state.left)

    def _longest(self, state: HeldState) -> float:
        """How long it may rest."""
        return (self._without_page, KEPT_AFTER_PAGE, float("inf"))[self._worth(state)]
