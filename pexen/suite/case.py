"""A task of a suite: the task in, and a task out whose result has what was found with it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..sched.call import takes_shared
from ..sched.common import CALLPATH_ATTR_NAME, Shared, Task, TaskFailError, TaskRes, task_name
from ..sched.meta import SchedMeta, assign_meta
from .findings import FAIL, Finding, collecting

# Where an exception has what its task had found before it raised it.
_ATTR_NAME = "pexen_suite_findings_"


class _Carried(NamedTuple):
    """In place of a return value: that, and what the task found."""

    ret: Any
    findings: list[Finding]


class Case:
    """Runs a task in whatever worker, and collects what it reports.

    It has the task's place in its tree, and the metadata that it is given. `opened` takes its
    result apart.
    """

    def __init__(self, task: Task, meta: SchedMeta) -> None:
        self.task = task
        assign_meta(self, meta)
        callpath = getattr(task, CALLPATH_ATTR_NAME, None)
        if isinstance(callpath, list):
            setattr(self, CALLPATH_ATTR_NAME, callpath)
        else:
            self.__qualname__ = task_name(task)

    def __call__(self, shared: Shared, /, **kwargs: Any) -> Any:
        task = self.task
        with collecting() as findings:
            try:
                ret = task(shared, **kwargs) if takes_shared(task) else task(**kwargs)
            except BaseException as exc:
                if findings:
                    setattr(exc, _ATTR_NAME, findings)
                raise
        carried = _Carried(ret, findings) if findings else ret
        failed = [finding for finding in findings if finding.verdict == FAIL]
        if failed:
            raise TaskFailError(_summary(failed), deps_ok=False, ret=carried)
        return carried


def opened(res: TaskRes) -> tuple[TaskRes, list[Finding]]:
    """The result of the task in a Case, as if it had been run by itself, and what it found."""
    case: Any = res.task
    ret = res.ret
    findings: list[Finding] = []
    if isinstance(ret, _Carried):
        ret, findings = ret
    elif res.excinfo is not None and res.excinfo.val is not None:
        findings = vars(res.excinfo.val).pop(_ATTR_NAME, [])
    return res._replace(task=case.task, ret=ret), findings


def _summary(failed: list[Finding]) -> str:
    lines = [f"{each.name}: {each.note}" if each.note else each.name for each in failed]
    return "; ".join(lines)
