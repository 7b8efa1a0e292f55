"""From findings to causes: the fewest that explain every problem and that nothing contradicts.

Parsimonious covering (Reggia, Nau & Wang, "Diagnostic expert systems based on a set
covering model", 1983) over the small graph of the catalogue: exact, pure, no scores.
"""

from eloquence_ops.diagnosis.explain import diagnose
from eloquence_ops.diagnosis.model import Alternative, Chosen, Confidence, Diagnosis, RuledOut

__all__ = ["Alternative", "Chosen", "Confidence", "Diagnosis", "RuledOut", "diagnose"]
