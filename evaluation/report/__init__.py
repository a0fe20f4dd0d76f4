"""The benchmark's report as one page that needs nothing else: tables, spreads, pictures, and the published rows.

    write_report(report, "report.html", pictures={"mug": object_pictures(...)}, compare=[other_report])
"""

from fastgrasp_evaluation.report.page import ReportError, write_report
from fastgrasp_evaluation.report.pictures import badness, captions, object_pictures
from fastgrasp_evaluation.report.published import PublishedRow, published_rows

__all__ = [
    "PublishedRow", "ReportError", "badness", "captions", "object_pictures", "published_rows", "write_report",
]  # fmt: skip
