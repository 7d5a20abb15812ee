"""The zoo: systems that break something, each with the exact verdicts it must get

Every expectation is derived from the definitions of the properties, not from what the checker says.
A signal is zero outside its array; edges that only cut are no fault, edges that invent are.
"""

from zoo_clocks import TIMELY
from zoo_conduct import MISBEHAVED
from zoo_curves import NONLINEAR
from zoo_specimen import PROPERTIES, Specimen

__all__ = ["PROPERTIES", "ZOO", "Specimen"]

ZOO: tuple[Specimen, ...] = NONLINEAR + TIMELY + MISBEHAVED
