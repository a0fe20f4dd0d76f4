"""The report of a benchmark as one self-contained page: tables, plots, pictures, and the published rows.

    write_report(report, "report.html", pictures={"mug": object_pictures(...)}, compare=[other_report])
"""

from fastgrasp_evaluation.report.page import ReportError, write_report
from fastgrasp_evaluation.report.pictures import captions, object_pictures, rank_sums
from fastgrasp_evaluation.report.published import PublishedRow, published_rows

__all__ = ["PublishedRow", "ReportError", "captions", "object_pictures", "published_rows", "rank_sums", "write_report"]
