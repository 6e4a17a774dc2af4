"""Which trick brought what: each can be switched off by itself.

A switch is a context manager inside which fewtune takes the plain path in one respect. It goes through a public seam of the
package (a function that chooses, a registry of fast paths), never through its private names. `make bench` with --ablate measures
fewtune beside fewtune without each of these, on the cells that are named.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

SWITCHES: dict[str, Callable[[], AbstractContextManager[object]]] = {}
"""What the trick is called → the context in which it is off."""
