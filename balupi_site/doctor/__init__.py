"""The doctor: looks at everything this installation needs, and names one cure for each thing wrong."""

from balupi_site.doctor.findings import AREA_LABELS, Area, Finding, Level
from balupi_site.doctor.running import quick_findings, run

__all__ = ["AREA_LABELS", "Area", "Finding", "Level", "quick_findings", "run"]
