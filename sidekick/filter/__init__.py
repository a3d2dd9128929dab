from sidekick.filter.condition import Explanation, Filter, compile_filter
from sidekick.filter.error import FilterError

__all__ = ["Explanation", "Filter", "FilterError", "compile_filter"]
