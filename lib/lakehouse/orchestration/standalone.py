"""Steps on a Spark cluster of one's own: the driver on the machine of the scheduler's worker, executors there."""

from __future__ import annotations

from lakehouse.orchestration.local import LocalStep


class StandaloneStep(LocalStep):
    """One step of a domain; the driver is a process here, and ends with the task as a local one does.

    The cluster's address stands in the environment's settings (spark.master); local.submit_command leaves the driver's
    address to Spark then, because executors must reach it. Set spark.driver.host where the machine has several.
    """
