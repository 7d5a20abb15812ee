"""one file per algorithm, all obeying engines/base.py; they read a Plan, never choose one"""

from __future__ import annotations

from ltisys.engines import direct, fft, overlap_add, overlap_save, partitioned
from ltisys.engines.base import Engine

__all__ = ["ENGINES"]

ENGINES: dict[str, Engine] = {
    "direct": direct.Direct(),
    "fft": fft.WholeTransform(),
    "overlap-add": overlap_add.OverlapAdd(),
    "overlap-save": overlap_save.OverlapSave(),
    "partitioned": partitioned.Partitioned(),
}
