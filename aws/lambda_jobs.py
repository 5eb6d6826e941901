"""The background jobs on AWS Lambda: Chalice's decorator says when, `template.yaml` makes the schedule and names the function.

Chalice is here for its decorators and events alone, and two files of it are packaged. A schedule's rule must not have an
input of its own: the event would lack the members that Chalice reads.
"""

import logging
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Rate

from aws.environment import environment, has_secrets
from functions.hosts.function_host import FunctionHost

# A job's step, begun with so much time left, ends before the platform ends the process.
SPARE_MILLISECONDS = 30_000

logging.getLogger("stackhold").setLevel(logging.INFO)

app = Chalice(app_name="stackhold", configure_logs=False)
host = FunctionHost(lambda: {**environment(), "PULUMI_API_CONTAINER_MODE": "JOBS"}, rereads=has_secrets(), freezes=True)
host.open()


@app.schedule(Rate(1, unit=Rate.MINUTES), description="Runs the background jobs that are due")
def run_jobs(event: CloudWatchEvent) -> list[str]:
    """Run the jobs that are due and return their names; what does not fit into this call is due again at the next."""
    context: Any = event.context
    return host.tick(lambda: context.get_remaining_time_in_millis() > SPARE_MILLISECONDS)
