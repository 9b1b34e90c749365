"""Desirability functions, which map a property's value to [0, 1]: those of `gancore.rewards.desirability`."""

from gancore.rewards.desirability import SHAPES as SHAPES
from gancore.rewards.desirability import Desirability as Desirability
from gancore.rewards.desirability import Shape as Shape
from gancore.rewards.desirability import note_new_name as note_new_name
