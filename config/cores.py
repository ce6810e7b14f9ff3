"""How many cores this process may use, containers' quotas included."""

import math
import os
import sys
from pathlib import Path

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
CGROUP_1_QUOTA = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
CGROUP_1_PERIOD = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def available_cores() -> int:
    quota = _quota_cores()
    return max(1, min(_allowed_cores(), math.ceil(quota) if quota else sys.maxsize))


def _allowed_cores() -> int:
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0))


def _quota_cores() -> float | None:
    """None where nothing limits the time on the cores."""
    if CGROUP_QUOTA.exists():
        quota, period = CGROUP_QUOTA.read_text().split()
    elif CGROUP_1_QUOTA.exists():
        quota, period = CGROUP_1_QUOTA.read_text(), CGROUP_1_PERIOD.read_text()
    else:
        return None
    return int(quota) / int(period) if quota.strip() not in {"max", "-1"} else None
