"""Settings of Spark that the engine needs to be as they are, in every environment."""

from __future__ import annotations

ENGINE = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Times without an offset are UTC, and stay so on every machine.
    "spark.sql.session.timeZone": "UTC",
    # A text that does not fit a format is null here and becomes a reason; Spark would raise for old formats instead.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.ansi.enabled": "false",
    # One calendar for all times. Without this, one day like 0001-01-01 ends the whole write with an error.
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    # Others read the old kind of timestamps as nanoseconds, in which 0001-01-01 and 9999-12-31 are other days.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # A truncated archive must never turn into no rows.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    # Lists of values are not written into generated code, so that it is compiled once for all of them.
    "spark.sql.optimizer.inSetConversionThreshold": "0",
    "spark.ui.showConsoleProgress": "false",
}
