"""Transaction-cost analysis: what orders cost, and of which parts; docs/execution.md, section 5."""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.execution.tca.afterwards import markouts
    from omni_lab.execution.tca.calibration import ImpactFit, fit_impact
    from omni_lab.execution.tca.costs import PARTS, Costs, measure
    from omni_lab.execution.tca.peers import compare
    from omni_lab.execution.tca.tape import Tape

__all__ = ["PARTS", "Costs", "ImpactFit", "Tape", "compare", "fit_impact", "markouts", "measure"]

__getattr__ = attributes(
    __name__,
    {
        "PARTS": "costs",
        "Costs": "costs",
        "ImpactFit": "calibration",
        "Tape": "tape",
        "compare": "peers",
        "fit_impact": "calibration",
        "markouts": "afterwards",
        "measure": "costs",
    },
)
